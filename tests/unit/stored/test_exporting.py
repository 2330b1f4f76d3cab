"""Which stored messages are exported, in which order, and into what kind of file."""

import dataclasses
import io
import json
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from metdc_collector.stored import parquet
from metdc_collector.stored.exporting import Choice, Row, Sorter, replacing, write_lines
from metdc_collector.stored.reading import Stored
from metdc_collector.wire import trade
from metdc_collector.wire.trade import Trade
from tests.unit.wire.examples import BTC


def made(time: int, seq: str | None = "1", **other: Any) -> Trade:
    plain = Trade(BTC, "1", seq, "80227.01", "0.5", "sell", time, received=time + 1)
    return plain._replace(**other)


def stored(data: bytes, sequence: int = 7) -> Stored:
    return Stored(BTC.subject, data, sequence=sequence, time=0, left=0)


def choice() -> Choice:
    return Choice(1_000, 2_000, lambda entry: None)


def row(entry: Trade, sequence: int = 7) -> Row:
    found = choice().row(stored(trade.encode(entry), sequence))
    assert found is not None
    return found


def ids(payloads: list[bytes]) -> list[str]:
    return [json.loads(payload)["id"] for payload in payloads]


@pytest.mark.parametrize(("time", "taken"), [(999, False), (1_000, True), (1_999, True), (2_000, False)])
def test_a_span_holds_its_beginning_and_not_its_end(time: int, *, taken: bool) -> None:
    assert (choice().row(stored(trade.encode(made(time)))) is not None) is taken


def test_late_and_back_filled_trades_are_chosen_like_any_other() -> None:
    assert row(made(1_500, late=True, backfilled=True))[1].endswith(b'"backfilled":true,"late":true}')


def test_a_payload_stays_byte_for_byte() -> None:
    data = trade.encode(made(1_500)).replace(b'"v":1,', b'"v":1,  "new": 1e3,')
    found = choice().row(stored(data))
    assert found is not None
    assert found[1] == data


def test_a_payload_of_several_lines_becomes_one_that_says_the_same() -> None:
    data = json.dumps(json.loads(trade.encode(made(1_500))), indent=1).encode()
    found = choice().row(stored(data))
    assert found is not None
    assert b"\n" not in found[1]
    assert json.loads(found[1]) == json.loads(data)


def test_what_is_no_trade_is_counted_and_the_first_of_it_named() -> None:
    chosen = choice()
    for sequence, data in enumerate((b"hello", b'{"v":2,"time":1500}', trade.encode(made(1_500))), start=1):
        chosen.row(stored(data, sequence))
    assert (chosen.read, chosen.refused) == (3, 2)
    assert chosen.first_refused is not None
    assert chosen.first_refused.startswith("trades.binance.spot.BTC.USDT, number 1: not JSON")


def test_each_trade_that_is_taken_is_shown_to_the_check() -> None:
    seen: list[int] = []
    chosen = Choice(1_000, 2_000, lambda entry: seen.append(entry.time))
    for time in (999, 1_500, 2_000):
        chosen.row(stored(trade.encode(made(time))))
    assert seen == [1_500]


def test_rows_are_ordered_by_time_then_market_then_number_then_place(tmp_path: Path) -> None:
    futures = dataclasses.replace(BTC, market="futures")
    rows = [
        row(made(1_001, "99", id="0", instrument=futures)),
        row(made(1_001, "9", id="c")),
        row(made(1_001, "10", id="d")),
        row(made(1_001, "10", id="e"), sequence=8),
        row(made(1_001, None, id="b")),
        row(made(1_000, "99", id="a")),
    ]
    random.shuffle(rows)
    sorter = Sorter(tmp_path)
    for each in rows:
        sorter.add(each)
    assert ids(list(sorter.payloads())) == ["a", "0", "b", "c", "d", "e"]
    sorter.close()


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 99, 100])
def test_more_rows_than_memory_holds_come_out_whole_and_in_order(tmp_path: Path, count: int) -> None:
    rows = [row(made(1_000 + number % 7, str(number), id=str(number)), sequence=number) for number in range(count)]
    sorter = Sorter(tmp_path, chunk=10)
    for each in rows:
        if sorter.add(each):
            sorter.spill()
    assert list(sorter.payloads()) == [payload for _, payload in sorted(rows)]
    assert sorter.count == count
    assert list(tmp_path.iterdir()) == []
    sorter.close()


def test_lines_are_payloads_one_a_line() -> None:
    out = io.BytesIO()
    write_lines(iter([b"{}", b"[]"]), out)
    assert out.getvalue() == b"{}\n[]\n"


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.jsonl"
    target.write_text("old")
    with replacing(target) as file:
        file.write(b"new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.jsonl"
    target.write_text("old")
    with suppress(KeyboardInterrupt), replacing(target) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_one_and_the_file_behind_it_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "a.jsonl")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a.jsonl").read_text() == "new"


@pytest.mark.parametrize(
    "change",
    [
        {"price": "99999999999999999999.999999999999999999"},
        {"quantity": "0.000000000000000001"},
        {"quantity": None, "contracts": "1"},
        {"sent": 2**63 - 1},
    ],
)
def test_what_a_column_can_hold_passes(change: dict[str, Any]) -> None:
    parquet.check(made(1_500, **change))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"price": "0.0000000000000000001"}, "price 0.0000000000000000001 of binance.spot.BTCUSDT.1"),
        ({"quantity": "100000000000000000000"}, "quantity 100000000000000000000 of binance.spot.BTCUSDT.1"),
        ({"contracts": "1" * 21}, "contracts 1"),
        ({"received": 2**63}, "received 9223372036854775808 of binance.spot.BTCUSDT.1"),
    ],
)
def test_what_it_cannot_hold_exactly_is_refused_with_the_remedy(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(parquet.DoesNotFit, match="use --format jsonl") as refused:
        parquet.check(made(1_500, **change))
    assert problem in str(refused.value)
