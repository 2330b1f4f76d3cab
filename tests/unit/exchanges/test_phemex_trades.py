"""Phemex's trade frames; the plain healthy forms are in tests/golden."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import Kind
from tests.unit.exchanges.examples import RECEIVED, converse, frame, instrument

BTC = instrument("phemex", "spot", "sBTCUSDT", "BTC", price_scale=8, quantity_scale=8)
PERPETUAL = instrument("phemex", "futures", "BTCUSDT", "BTC")
FIRST, SECOND, THIRD = 1625342244127840967, 1625342244127840968, 1625342244127840999
ROW = [FIRST, "Buy", 769100000, 168200000]


def push(*rows: object, **more: Any) -> bytes:
    return frame({"sequence": 1, "symbol": "sBTCUSDT", "trades": list(rows), "type": "incremental"} | more)


def push_p(*rows: object, **more: Any) -> bytes:
    return frame({"sequence": 1, "symbol": "BTCUSDT", "trades_p": list(rows), "type": "incremental"} | more)


def row(time: int, side: str = "Buy") -> list[object]:
    return [time, side, 769100000, 168200000]


@pytest.mark.parametrize("sort", ["snapshot", "incremental"])
def test_rows_come_newest_first_and_leave_oldest_first(sort: str) -> None:
    parsed = converse("phemex", "spot", BTC).receive(push(row(THIRD), row(SECOND), row(FIRST), type=sort), RECEIVED)
    assert [trade.time for trade in parsed.trades] == [FIRST, SECOND, THIRD]
    assert parsed.replayed is (sort == "snapshot")


def test_rows_whose_times_say_that_the_oldest_is_first_are_left_so() -> None:
    parsed = converse("phemex", "spot", BTC).receive(push(row(FIRST), row(SECOND), row(THIRD)), RECEIVED)
    assert [trade.time for trade in parsed.trades] == [FIRST, SECOND, THIRD]


def test_rows_of_one_time_are_taken_as_newest_first() -> None:
    parsed = converse("phemex", "spot", BTC).receive(push(row(FIRST, "Sell"), row(FIRST, "Buy")), RECEIVED)
    assert [trade.side for trade in parsed.trades] == ["buy", "sell"]


def test_two_connections_and_a_snapshot_give_equal_rows_the_same_ids() -> None:
    live, late = converse("phemex", "spot", BTC), converse("phemex", "spot", BTC)
    seen = [trade.id for _ in range(3) for trade in live.receive(push(ROW), RECEIVED).trades]
    replayed = [trade.id for trade in late.receive(push(ROW, ROW, ROW, type="snapshot"), RECEIVED).trades]
    assert seen == replayed
    assert len(set(seen)) == 3


def test_a_second_snapshot_on_a_connection_gives_the_same_ids_again() -> None:
    conversation = converse("phemex", "spot", BTC)
    first = conversation.receive(push(ROW, ROW, type="snapshot"), RECEIVED).trades
    assert conversation.receive(push(ROW, ROW, type="snapshot"), RECEIVED).trades == first


def test_equal_rows_of_two_instruments_are_counted_apart() -> None:
    other = instrument("phemex", "spot", "sETHUSDT", "ETH", price_scale=8, quantity_scale=8)
    conversation = converse("phemex", "spot", BTC, other)
    conversation.receive(push(ROW), RECEIVED)
    (trade,) = conversation.receive(push(ROW, symbol="sETHUSDT"), RECEIVED).trades
    assert trade.id.endswith("-0")


def test_a_snapshot_without_rows_is_a_frame_of_no_trades() -> None:
    parsed = converse("phemex", "spot", BTC).receive(push(type="snapshot"), RECEIVED)
    assert (parsed.kind, list(parsed.trades), parsed.replayed) == (Kind.TRADE, [], True)


def test_a_quantity_of_unknown_scale_stays_the_venues_own_count() -> None:
    unknown = instrument("phemex", "spot", "sBTCUSDT", "BTC", price_scale=8)
    (trade,) = converse("phemex", "spot", unknown).receive(push(ROW), RECEIVED).trades
    assert (trade.price, trade.quantity, trade.contracts) == ("7.691", None, "168200000")
    assert trade.id == f"{FIRST}-B-7.691-168200000-0"


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        {},
        [],
        ROW[:3],
        [FIRST, "Buy", 769100000],
        [0, *ROW[1:]],
        [True, *ROW[1:]],
        [str(FIRST), *ROW[1:]],
        [float(FIRST), *ROW[1:]],
        [FIRST, "buy", *ROW[2:]],
        [FIRST, None, *ROW[2:]],
        [FIRST, ["Buy"], *ROW[2:]],
        [FIRST, "Buy", 0, 5],
        [FIRST, "Buy", 5, -5],
        [FIRST, "Buy", "769100000", 5],
        [FIRST, "Buy", 5, 1.5],
        [FIRST, "Buy", True, 5],
        [FIRST, "Buy", 2**63, 5],
    ],
)
def test_a_damaged_row_costs_its_neighbours_nothing(damaged: object) -> None:
    parsed = converse("phemex", "spot", BTC).receive(push(row(THIRD), damaged, row(FIRST)), RECEIVED)
    assert parsed.kind is Kind.MALFORMED
    assert [trade.time for trade in parsed.trades] == [FIRST, THIRD]
    assert parsed.reason.startswith("a row")


def test_a_row_may_grow_new_columns() -> None:
    parsed = converse("phemex", "spot", BTC).receive(push([*ROW, "new"]), RECEIVED)
    assert (parsed.kind, len(parsed.trades)) == (Kind.TRADE, 1)


@pytest.mark.parametrize("damaged", ["0", "abc", "", 5, 5.5, None])
def test_perpetuals_have_decimals_above_zero_in_text(damaged: object) -> None:
    conversation = converse("phemex", "futures", PERPETUAL)
    healthy = [FIRST, "Sell", "93284", "0.007"]
    parsed = conversation.receive(push_p(healthy, [FIRST, "Buy", damaged, "1"], [FIRST, "Buy", "1", damaged]), RECEIVED)
    assert (parsed.kind, len(parsed.trades)) == (Kind.MALFORMED, 1)


def test_a_row_too_long_for_an_id_is_malformed() -> None:
    parsed = converse("phemex", "futures", PERPETUAL).receive(push_p([FIRST, "Buy", "1" * 50, "1" * 50]), RECEIVED)
    assert (parsed.kind, list(parsed.trades)) == (Kind.MALFORMED, [])
    assert "too long" in parsed.reason


def test_a_damaged_time_of_sending_is_told_and_costs_no_row() -> None:
    conversation = converse("phemex", "futures", PERPETUAL)
    parsed = conversation.receive(push_p([FIRST, "Buy", "1", "1"], dts="yesterday"), RECEIVED)
    assert (parsed.kind, parsed.reason) == (Kind.MALFORMED, "dts is no time: 'yesterday'")
    assert [trade.sent for trade in parsed.trades] == [None]


@pytest.mark.parametrize(
    "envelope",
    [
        {"symbol": None},
        {"symbol": ""},
        {"symbol": "A\nB"},
        {"symbol": ["sBTCUSDT"]},
        {"type": None},
        {"type": "Snapshot"},
        {"type": ["snapshot"]},
        {"trades": None},
        {"trades": {"0": ROW}},
    ],
)
def test_of_a_damaged_envelope_nothing_is_taken(envelope: dict[str, object]) -> None:
    parsed = converse("phemex", "spot", BTC).receive(push(ROW, **envelope), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert parsed.reason


def test_rows_of_an_instrument_that_is_not_wanted_are_out_of_scope_one_by_one() -> None:
    parsed = converse("phemex", "spot", BTC).receive(push(ROW, ROW, symbol="YFIUSD"), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.out_of_scope) == (Kind.TRADE, (), ("YFIUSD", "YFIUSD"))


def test_rows_in_the_other_markets_writing_are_malformed() -> None:
    parsed = converse("phemex", "spot", BTC).receive(push_p([FIRST, "Buy", "1", "1"], symbol="sBTCUSDT"), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
