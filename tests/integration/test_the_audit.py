"""The judge is judged: a stream with one fault of each kind makes the audit red, and it names the trade.

Ledger and messages are typed by hand here; the audit's own derivation is not used to make them.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js import JetStreamContext

from tests.audit.__main__ import audit
from tests.audit.judge import Verdict
from tests.harness import NatsServer, Process, nats_server, python
from tests.integration.audit_examples import (
    CLEAN,
    EQUAL,
    FIRST,
    JOINED,
    LEDGER,
    PEPE,
    SECOND,
    THIRD,
    WITH_AGGREGATE,
    Message,
    T,
    bitcoin,
    future,
    scaled,
)


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@pytest.fixture
async def stream(server: NatsServer) -> AsyncIterator[JetStreamContext]:
    nc = await nats.connect(server.url)
    js = nc.jetstream()
    await js.add_stream(name="TRADES", subjects=["trades.>"])
    await js.add_stream(name="METDC_EVENTS", subjects=["gaps.>"])
    yield js
    await js.delete_stream("TRADES")
    await js.delete_stream("METDC_EVENTS")
    await nc.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return written(tmp_path, LEDGER)


def written(folder: Path, records: list[dict[str, Any]]) -> Path:
    path = folder / "ledger.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


async def store(js: JetStreamContext, messages: list[Message]) -> None:
    for entry in messages:
        headers = {"Nats-Msg-Id": entry.message_id}
        await js.publish(entry.subject, json.dumps(entry.payload).encode(), headers=headers)


async def judged(
    js: JetStreamContext, server: NatsServer, ledger: Path, messages: list[Message], **options: bool
) -> Verdict:
    await store(js, messages)
    return await audit(ledger, server.url, **options)


def faults(verdict: Verdict) -> list[tuple[str, str, str, str]]:
    assert not verdict.ok
    return [(e["fault"], e["market"], e["instrument"], e["id"]) for e in verdict.examples]


def differing(verdict: Verdict) -> dict[str, Any]:
    (example,) = verdict.examples
    differs: dict[str, Any] = example["differs"]
    return differs


async def test_a_clean_stream_holds(stream: JetStreamContext, server: NatsServer, ledger: Path) -> None:
    verdict = await judged(stream, server, ledger, CLEAN)
    assert verdict.ok
    assert verdict.examples == []
    assert {name: (tally.sent, tally.stored) for name, tally in verdict.tallies.items()} == {
        "binance.spot": (3, 3),
        "binance.futures": (1, 1),
        "phemex.spot": (2, 2),
    }


async def test_a_trade_that_only_a_snapshot_held_may_be_stored(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    late = scaled(f"{T + 9}-B-20702-0.000001-0", "20702", "0.000001", T + 9)
    verdict = await judged(stream, server, ledger, [*CLEAN, late])
    assert verdict.ok
    assert verdict.tallies["phemex.spot"].sent == 2
    assert verdict.tallies["phemex.spot"].stored == 3


async def test_a_deleted_message_is_lost(stream: JetStreamContext, server: NatsServer, ledger: Path) -> None:
    await store(stream, CLEAN)
    await stream.delete_msg("TRADES", 2)
    verdict = await audit(ledger, server.url)
    assert faults(verdict) == [("lost", "binance.spot", "BTCUSDT", "8")]
    assert verdict.tallies["binance.spot"].lost == 1


async def test_a_deleted_row_without_an_id_of_its_own_is_lost(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    verdict = await judged(stream, server, ledger, CLEAN[:-1])
    assert faults(verdict) == [("lost", "phemex.spot", "sBTCUSDT", f"{T + 7}-B-20702.1-0.949-1")]


async def test_a_copy_under_another_id_is_a_duplicate(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    copy = replace(SECOND, message_id="binance.spot.BTCUSDT.88").but(id="88", seq="88")
    verdict = await judged(stream, server, ledger, [*CLEAN, copy])
    assert faults(verdict) == [("duplicated", "binance.spot", "BTCUSDT", "8")]
    assert verdict.tallies["binance.spot"].duplicated == 1
    assert differing(verdict)["id"] == {"expected": "8", "stored": "88"}


async def test_a_copy_under_another_message_id_alone_is_a_duplicate(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    copy = replace(SECOND, message_id="binance.spot.BTCUSDT.88")
    verdict = await judged(stream, server, ledger, [*CLEAN, copy])
    assert faults(verdict) == [("duplicated", "binance.spot", "BTCUSDT", "8")]


async def test_neighbours_swapped_are_misordered(stream: JetStreamContext, server: NatsServer, ledger: Path) -> None:
    verdict = await judged(stream, server, ledger, [FIRST, THIRD, SECOND, PEPE, *EQUAL])
    assert faults(verdict) == [("misordered", "binance.spot", "BTCUSDT", "8")]
    assert differing(verdict)["order"]["stored"] == "after 9"


async def test_a_late_trade_that_says_so_is_in_order(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    verdict = await judged(stream, server, ledger, [FIRST, THIRD, SECOND.but(late=True), PEPE, *EQUAL])
    assert verdict.ok
    assert verdict.tallies["binance.spot"].late == 1


async def test_a_trade_that_was_on_its_way_for_long_may_be_late_and_before_the_newer_one(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    verdict = await judged(stream, server, ledger, [FIRST, SECOND.but(late=True), THIRD, PEPE, *EQUAL])
    assert verdict.ok


async def test_a_trade_in_its_place_that_calls_itself_late_is_wrong(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    verdict = await judged(stream, server, ledger, [FIRST, SECOND, THIRD.but(late=True), PEPE, *EQUAL])
    assert faults(verdict) == [("wrong", "binance.spot", "BTCUSDT", "9")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("side", "sell"),
        ("price", "80227.03"),
        ("price", "80227.020"),
        ("quantity", "2"),
        ("time", T + 1_000_001),
        ("time", float(T + 1_000_000)),
        ("seq", "9"),
        ("symbol", "BTC-USDC"),
        ("v", 2),
        ("kind", "block"),
        ("unit_factor", "1000"),
        ("received", T - 2_000_000_000),
        ("received", 4_000_000_000_000_000_000),
        ("sent", 1),
        ("late", False),
        ("colour", "red"),
    ],
)
async def test_a_changed_field_is_wrong(
    field: str, value: object, stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    verdict = await judged(stream, server, ledger, [FIRST, SECOND.but(**{field: value}), THIRD, PEPE, *EQUAL])
    assert faults(verdict) == [("wrong", "binance.spot", "BTCUSDT", "8")]
    assert list(differing(verdict)) == [field]
    assert verdict.tallies["binance.spot"].lost == 0


async def test_a_missing_field_is_wrong(stream: JetStreamContext, server: NatsServer, ledger: Path) -> None:
    bare = replace(PEPE, payload={name: value for name, value in PEPE.payload.items() if name != "unit_factor"})
    verdict = await judged(stream, server, ledger, [FIRST, SECOND, THIRD, bare, *EQUAL])
    assert faults(verdict) == [("wrong", "binance.futures", "1000PEPEUSDT", "501")]
    assert list(differing(verdict)) == ["unit_factor"]


async def test_a_wrong_subject_is_wrong(stream: JetStreamContext, server: NatsServer, ledger: Path) -> None:
    moved = replace(SECOND, subject="trades.binance.spot.BTC.USDC")
    verdict = await judged(stream, server, ledger, [FIRST, moved, THIRD, PEPE, *EQUAL])
    assert faults(verdict) == [("wrong", "binance.spot", "BTCUSDT", "8")]
    assert list(differing(verdict)) == ["subject"]


async def test_a_wrong_message_id_is_wrong(stream: JetStreamContext, server: NatsServer, ledger: Path) -> None:
    renamed = replace(SECOND, message_id="binance.spot.BTCUSDT:8")
    verdict = await judged(stream, server, ledger, [FIRST, renamed, THIRD, PEPE, *EQUAL])
    assert faults(verdict) == [("wrong", "binance.spot", "BTCUSDT", "8")]
    assert list(differing(verdict)) == ["Nats-Msg-Id"]


async def test_a_trade_under_a_wrong_id_is_wrong_and_not_lost(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    renamed = replace(SECOND, message_id="binance.spot.BTCUSDT.88").but(id="88")
    verdict = await judged(stream, server, ledger, [FIRST, renamed, THIRD, PEPE, *EQUAL])
    assert ("wrong", "binance.spot", "BTCUSDT", "8") in faults(verdict)
    assert verdict.tallies["binance.spot"].lost == 0


async def test_a_trade_that_nobody_sent_is_extra(stream: JetStreamContext, server: NatsServer, ledger: Path) -> None:
    invented = bitcoin("10", "80228", "5", "buy", T + 3_000_000)
    verdict = await judged(stream, server, ledger, [*CLEAN, invented])
    assert faults(verdict) == [("extra", "binance.spot", "BTCUSDT", "10")]


async def test_a_stored_frame_that_is_no_trade_is_extra(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    nothing = replace(PEPE, message_id="binance.futures.1000PEPEUSDT.502").but(
        id="502", seq="502", price="0", quantity="0"
    )
    verdict = await judged(stream, server, ledger, [*CLEAN, nothing])
    assert faults(verdict) == [("extra", "binance.futures", "1000PEPEUSDT", "502")]


async def test_a_trade_of_an_instrument_that_is_not_listed_is_extra(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    verdict = await judged(stream, server, ledger, [*CLEAN, replace(SECOND, message_id="x").but(instrument="NOPEUSDT")])
    assert faults(verdict) == [("extra", "binance.spot", "NOPEUSDT", "8")]


async def test_a_payload_that_is_no_json_object_is_wrong(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    await store(stream, CLEAN)
    await stream.publish(SECOND.subject, b"[1]")
    verdict = await audit(ledger, server.url)
    assert verdict.tallies["binance.spot"].wrong == 1


async def test_a_lost_trade_inside_a_gap_record_is_gapped(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    gap = {"v": 1, "gap": "BTCUSDT:7", "exchange": "binance", "market": "spot", "instrument": "BTCUSDT"}
    gap |= {"from": T, "to": T + 2_000_000, "first_missing": "8", "last_missing": "8", "state": "unfillable"}
    await stream.publish("gaps.binance.spot.BTC.USDT", json.dumps(gap).encode())
    verdict = await judged(stream, server, ledger, [FIRST, THIRD, PEPE, *EQUAL], with_gaps=True)
    assert verdict.ok
    assert (verdict.tallies["binance.spot"].gapped, verdict.tallies["binance.spot"].lost) == (1, 0)


async def test_a_gap_record_that_claims_to_be_filled_excuses_nothing(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    gap = {"v": 1, "gap": "BTCUSDT:7", "exchange": "binance", "market": "spot", "instrument": "BTCUSDT"}
    gap |= {"from": T, "to": T + 2_000_000, "first_missing": "8", "last_missing": "8"}
    for state in ("open", "filled"):
        await stream.publish("gaps.binance.spot.BTC.USDT", json.dumps(gap | {"state": state}).encode())
    verdict = await judged(stream, server, ledger, [FIRST, THIRD, PEPE, *EQUAL], with_gaps=True)
    assert faults(verdict) == [("lost", "binance.spot", "BTCUSDT", "8")]


async def test_an_aggregate_stands_for_its_fills(stream: JetStreamContext, server: NatsServer, tmp_path: Path) -> None:
    owed = [record | ({"connections": 1} if record.get("id") == "22" else {}) for record in WITH_AGGREGATE]
    verdict = await judged(stream, server, written(tmp_path, owed), [JOINED])
    assert verdict.ok
    assert verdict.tallies["binance.futures"].sent == 1


async def test_an_aggregate_beside_a_fill_of_its_range_is_a_duplicate(
    stream: JetStreamContext, server: NatsServer, tmp_path: Path
) -> None:
    verdict = await judged(stream, server, written(tmp_path, WITH_AGGREGATE), [JOINED, future("22", "22", "1")])
    assert ("duplicated", "binance.futures", "BTCUSDT", "22") in faults(verdict)


async def test_an_aggregate_that_was_sent_and_not_stored_is_lost(
    stream: JetStreamContext, server: NatsServer, tmp_path: Path
) -> None:
    verdict = await judged(stream, server, written(tmp_path, WITH_AGGREGATE), [])
    assert faults(verdict) == [("lost", "binance.futures", "BTCUSDT", "agg:77")]


async def test_since_a_mark_only_what_came_after_it_is_owed(
    stream: JetStreamContext, server: NatsServer, tmp_path: Path
) -> None:
    plan = {"type": "plan", "exchange": "binance", "market": "spot", "planned": 1, "sent": 1, "from": 0, "to": 1}
    marked = [*LEDGER[:4], plan, *LEDGER[4:6], plan]
    verdict = await judged(stream, server, written(tmp_path, marked), [SECOND, THIRD], since_mark=True)
    assert verdict.ok
    assert verdict.tallies["binance.spot"].sent == 2


def command(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    with Process(python("tests.audit", *arguments), name="audit") as process:
        line = process.line(30, where=lambda text: text.startswith("{"))
        return process.wait(10), json.loads(line)


async def test_the_command_ends_with_0_when_all_held(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    await store(stream, CLEAN)
    code, record = command("--ledger", ledger, "--nats", server.url)
    assert (code, record["ok"], record["examples"]) == (0, True, [])
    assert record["markets"]["binance.spot"]["stored"] == 3


async def test_the_command_ends_with_1_when_something_did_not(
    stream: JetStreamContext, server: NatsServer, ledger: Path
) -> None:
    await store(stream, CLEAN[1:])
    code, record = command("--ledger", ledger, "--nats", server.url)
    assert (code, record["ok"]) == (1, False)
    assert record["examples"][0]["subject"] == "trades.binance.spot.BTC.USDT"


def test_the_command_ends_with_2_when_there_is_nothing_to_compare(server: NatsServer, tmp_path: Path) -> None:
    code, record = command("--ledger", written(tmp_path, LEDGER[:3]), "--nats", server.url)
    assert (code, record["ok"]) == (2, False)


def test_the_command_ends_with_2_when_the_server_is_not_there(ledger: Path) -> None:
    code, record = command("--ledger", ledger, "--nats", "nats://127.0.0.1:1")
    assert (code, record["ok"]) == (2, False)


def test_the_command_ends_with_2_when_the_ledger_is_none(server: NatsServer, tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text('{"type":"trade"}\n')
    code, record = command("--ledger", tmp_path / "ledger.jsonl", "--nats", server.url)
    assert code == 2
    assert "ledger.jsonl:1" in record["error"]
