"""The simulated Bybit against section 4 of the reference: subscriptions and frames."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.bybit import MARKETS, get, linear_rows, subscribe, topics, url
from tests.conformance.clients import ask, client, receive
from tests.simulator.testing import Simulated, simulator

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
REFUSED = "error:handler not found,topic:"


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["bybit"]) as running:
        yield running


# Subscriptions


@pytest.mark.parametrize(("market", "text"), [("spot", "subscribe"), ("futures", "")])
async def test_the_ack_says_subscribe_on_spot_and_nothing_on_linear(sim: Simulated, market: str, text: str) -> None:
    async with client(url(sim, market)) as socket:
        ack = await subscribe(socket, "BTCUSDT", "ETHUSDT", number="a7")
        assert list(ack) == ["success", "ret_msg", "conn_id", "req_id", "op"]
        assert UUID.fullmatch(ack["conn_id"])
        again = await subscribe(socket, "SOLUSDT", number="a8")
    assert (ack["success"], ack["ret_msg"], ack["req_id"], ack["op"]) == (True, text, "a7", "subscribe")
    assert again["conn_id"] == ack["conn_id"]


@pytest.mark.parametrize("path", ["", "/", "/realtime_public", "/v5/public/inverse", "/v5/private"])
async def test_other_paths_are_refused(sim: Simulated, path: str) -> None:
    with pytest.raises(InvalidStatus):
        async with client(sim.websocket("bybit", "spot") + path):
            pass


async def test_no_history_is_sent_after_a_subscription(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.trade("bybit", "futures", "BTCUSDT", price="80001.10")
        assert [row["p"] for row in (await receive(socket))["data"]] == ["80001.10"]


async def test_a_path_is_for_its_market_alone(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as spot, client(url(sim, "futures")) as linear:
        await subscribe(spot, "BTCUSDT")
        await subscribe(linear, "BTCUSDT")
        await sim.trade("bybit", "futures", "BTCUSDT", price="80001.10")
        await sim.trade("bybit", "spot", "BTCUSDT", price="80002.02")
        assert (await receive(spot))["data"][0]["p"] == "80002.02"
        assert (await receive(linear))["data"][0]["p"] == "80001.10"
        state = await sim.state()
        assert [state["markets"][f"bybit.{market}"]["connections"] for market in MARKETS] == [1, 1]


async def test_eleven_args_are_too_many_for_spot(sim: Simulated) -> None:
    names = [row["symbol"] for row in (await get(sim, "instruments-info", category="spot"))["result"]["list"][:11]]
    async with client(url(sim, "spot")) as socket:
        reply = await subscribe(socket, *names, number="t3")
        assert (reply["success"], reply["ret_msg"], reply["req_id"]) == (False, "args size >10", "t3")
        assert (await subscribe(socket, *names[:10]))["success"] is True
        assert (await subscribe(socket, names[10]))["success"] is True


async def test_linear_takes_500_args_in_one_request(sim: Simulated) -> None:
    names = [row["symbol"] for row in await linear_rows(sim)][:500]
    async with client(url(sim, "futures")) as socket:
        assert (await subscribe(socket, *names))["success"] is True
        await sim.until(lambda state: state["markets"]["bybit.futures"]["subscriptions"] == 500)


async def test_more_than_21000_characters_of_args_on_one_connection_are_refused(sim: Simulated) -> None:
    names = [row["symbol"] for status in ("Trading", "Delivering") for row in await linear_rows(sim, status=status)]
    args = topics(*names) + [f"tickers.{name}" for name in names]
    size = 2
    fitting = 0
    while size + len(args[fitting]) + 3 <= 21_000:
        size += len(args[fitting]) + 3
        fitting += 1
    async with client(url(sim, "futures")) as socket:
        for start in range(0, fitting, 400):
            batch = args[start : min(start + 400, fitting)]
            assert (await ask(socket, {"op": "subscribe", "args": batch}))["success"] is True
        over = {"req_id": "z", "op": "subscribe", "args": args[fitting : fitting + 2]}
        reply = await ask(socket, over)
        assert (reply["success"], reply["req_id"], reply["op"]) == (False, "z", "subscribe")
        assert (await ask(socket, {"op": "unsubscribe", "args": args[:10]}))["success"] is True
        assert (await ask(socket, over))["success"] is True


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("bad", ["publicTrade.NOTASYMBOL", "publicTrade.btcusdt", "nope.BTCUSDT", "publicTrade"])
async def test_one_bad_topic_cancels_the_whole_request(sim: Simulated, market: str, bad: str) -> None:
    async with client(url(sim, market)) as socket:
        await subscribe(socket, "SOLUSDT")
        args = ["publicTrade.BTCUSDT", bad, "publicTrade.ETHUSDT"]
        reply = await ask(socket, {"req_id": "t2", "op": "subscribe", "args": args})
        assert (reply["success"], reply["ret_msg"]) == (False, REFUSED + bad)
        assert (reply["req_id"], reply["op"]) == ("", "subscribe")
        assert (await ask(socket, {"op": "ping"}))["ret_msg"] == "pong"
        for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
            await sim.trade("bybit", market, name)
        assert (await receive(socket))["topic"] == "publicTrade.SOLUSDT"
        assert (await subscribe(socket, "BTCUSDT", "ETHUSDT"))["success"] is True


@pytest.mark.parametrize("args", [["BTCUSDT"], ["ETHUSDT", "ETHUSDT"], ["ETHUSDT", "BTCUSDT"]])
async def test_a_repeated_topic_refuses_the_request_and_what_flows_goes_on(sim: Simulated, args: list[str]) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "BTCUSDT")
        reply = await subscribe(socket, *args)
        assert (reply["success"], reply["ret_msg"]) == (
            False, f"error:already subscribed,topic:publicTrade.{args[-1]}",
        )  # fmt: skip
        await sim.trade("bybit", "futures", "ETHUSDT")
        await sim.trade("bybit", "futures", "BTCUSDT")
        assert (await receive(socket))["topic"] == "publicTrade.BTCUSDT"


async def test_a_closed_contract_has_no_handler(sim: Simulated) -> None:
    gone = (await linear_rows(sim, status="Closed"))[0]["symbol"]
    async with client(url(sim, "futures")) as socket:
        assert (await subscribe(socket, gone))["ret_msg"] == f"{REFUSED}publicTrade.{gone}"


async def test_a_contract_before_its_launch_is_acknowledged_and_silent() -> None:
    async with simulator(only=["bybit"], rate=2000) as sim:
        early = [row["symbol"] for row in await linear_rows(sim, status="PreLaunch")]
        async with client(url(sim, "futures")) as socket:
            assert (await subscribe(socket, *early))["success"] is True
            await sim.until(lambda state: state["markets"]["bybit.futures"]["produced"] > 1000)
            assert (await ask(socket, {"op": "ping"}))["ret_msg"] == "pong"
        assert not [row for row in await sim.records() if row["instrument"] in early]


@pytest.mark.parametrize("market", MARKETS)
async def test_an_unsubscribed_topic_stops(sim: Simulated, market: str) -> None:
    async with client(url(sim, market)) as socket:
        await subscribe(socket, "BTCUSDT", "ETHUSDT")
        reply = await ask(socket, {"req_id": "t2", "op": "unsubscribe", "args": topics("BTCUSDT")})
        assert (reply["success"], reply["req_id"], reply["op"]) == (True, "t2", "unsubscribe")
        await sim.trade("bybit", market, "BTCUSDT")
        await sim.trade("bybit", market, "ETHUSDT")
        assert (await receive(socket))["topic"] == "publicTrade.ETHUSDT"
        assert (await subscribe(socket, "BTCUSDT"))["success"] is True


@pytest.mark.parametrize(
    "request_text", ["{nonsense", "[1]", '{"op":"nope"}', '{"op":"subscribe"}', '{"op":"subscribe","args":[1]}']
)
async def test_a_bad_request_is_refused_and_the_connection_stays(sim: Simulated, request_text: str) -> None:
    async with client(url(sim, "futures")) as socket:
        assert (await ask(socket, request_text))["success"] is False
        assert (await subscribe(socket, "BTCUSDT"))["success"] is True


# Frames


async def test_a_linear_frame_reads_as_the_reference_shows_it(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.trade("bybit", "futures", "BTCUSDT", price="16578.50", size="0.001", side="buy")
        frame = await receive(socket)
    assert list(frame) == ["topic", "type", "ts", "data"]
    assert (frame["topic"], frame["type"], len(str(frame["ts"]))) == ("publicTrade.BTCUSDT", "snapshot", 13)
    (row,) = frame["data"]
    assert list(row) == ["T", "s", "S", "v", "p", "L", "i", "BT", "RPI", "seq"]
    assert (row["s"], row["S"], row["v"], row["p"]) == ("BTCUSDT", "Buy", "0.001", "16578.50")
    assert (row["BT"], row["RPI"], type(row["seq"]), len(str(row["T"]))) == (False, False, int, 13)
    assert UUID.fullmatch(row["i"])
    assert row["T"] <= frame["ts"]


async def test_a_spot_frame_reads_as_the_reference_shows_it(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.trade("bybit", "spot", "BTCUSDT", price="80227.01", size="0.00042", side="sell")
        frame = await receive(socket)
    assert list(frame) == ["topic", "type", "ts", "data"]
    (row,) = frame["data"]
    assert list(row) == ["i", "T", "p", "v", "S", "seq", "s", "BT", "RPI"]
    assert (row["s"], row["S"], row["v"], row["p"]) == ("BTCUSDT", "Sell", "0.00042", "80227.01")
    assert (row["BT"], row["RPI"], type(row["seq"])) == (False, False, int)
    assert re.fullmatch(r"21\d{17}", row["i"])


async def test_the_direction_of_a_price_is_that_of_its_last_change(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "BTCUSDT")
        for price in ("16578.50", "16578.60", "16578.60", "16578.10", "16578.10"):
            await sim.trade("bybit", "futures", "BTCUSDT", price=price)
        ticks: list[str] = []
        while len(ticks) < 5:
            ticks += [row["L"] for row in (await receive(socket))["data"]]
    assert ticks[1:] == ["PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"]


@pytest.mark.parametrize("market", MARKETS)
async def test_a_frame_holds_up_to_1024_rows_in_the_order_of_time(sim: Simulated, market: str) -> None:
    async with client(url(sim, market)) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.trade("bybit", market, "BTCUSDT", 1500)
        frames = [await receive(socket), await receive(socket)]
    assert [len(frame["data"]) for frame in frames] == [1024, 476]
    rows = [row for frame in frames for row in frame["data"]]
    assert [row["T"] for row in rows] == sorted(row["T"] for row in rows)
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    ids = [row["i"] for row in rows]
    assert len(set(ids)) == 1500
    assert ids != sorted(ids)


@pytest.mark.parametrize("market", MARKETS)
async def test_fills_of_one_taker_order_share_side_price_and_sequence_also_over_frames(market: str) -> None:
    async with simulator(only=["bybit"], symbols=1) as sim, client(url(sim, market)) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.post("/rate", exchange="bybit", market=market, rate=150)
        frames: list[list[dict[str, Any]]] = []
        async with asyncio.timeout(15):
            while not any(one[-1]["seq"] == two[0]["seq"] for one, two in pairwise(frames)):
                frames.append((await receive(socket))["data"])
    orders: dict[int, set[tuple[str, str]]] = {}
    for row in (row for frame in frames for row in frame):
        orders.setdefault(row["seq"], set()).add((row["S"], row["p"]))
    assert all(len(alike) == 1 for alike in orders.values())


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize(("kind", "marks"), [("block", (True, False)), ("rpi", (False, True))])
async def test_block_and_rpi_trades_are_marked(
    sim: Simulated, market: str, kind: str, marks: tuple[bool, bool]
) -> None:
    async with client(url(sim, market)) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.trade("bybit", market, "BTCUSDT", kind=kind)
        (row,) = (await receive(socket))["data"]
    assert (row["BT"], row["RPI"]) == marks
    category = "spot" if market == "spot" else "linear"
    newest = (await get(sim, "recent-trade", category=category, symbol="BTCUSDT"))["result"]["list"][0]
    assert (newest["isBlockTrade"], newest["isRPITrade"]) == marks
    assert (await sim.records())[-1]["kind"] == kind


@pytest.mark.parametrize("market", MARKETS)
async def test_a_small_share_of_all_trades_is_marked(market: str) -> None:
    async with simulator(only=["bybit"], symbols=1) as sim:
        await sim.post("/rate", exchange="bybit", market=market, rate=20_000)
        await sim.until(lambda state: state["markets"][f"bybit.{market}"]["produced"] > 10_000)
        kinds = Counter(row["kind"] for row in await sim.records() if row["market"] == market)
    assert 0 < kinds["block"] < kinds["rpi"] < 0.05 * kinds[None]


@pytest.mark.parametrize("market", MARKETS)
async def test_the_ledger_says_what_the_frames_say(market: str) -> None:
    async with simulator(only=["bybit"], rate=500, symbols=3) as sim, client(url(sim, market)) as socket:
        await subscribe(socket, "BTCUSDT", "ETHUSDT", "SOLUSDT")
        rows: list[dict[str, Any]] = []
        while len(rows) < 300:
            rows += (await receive(socket))["data"]
        await sim.post("/pause")
        ledger = {row["id"]: row for row in await sim.records() if row["market"] == market}
    for row in rows:
        line = ledger[row["i"]]
        kind = "block" if row["BT"] else "rpi" if row["RPI"] else None
        assert (line["instrument"], line["price"], line["size"]) == (row["s"], row["p"], row["v"])
        assert (line["side"], line["kind"], line["connections"]) == (row["S"].lower(), kind, 1)
        assert (line["time"], line["seq"]) == (row["T"] * 10**6, str(row["seq"]))


async def test_a_damaged_frame_keeps_its_topic(sim: Simulated) -> None:
    async with client(url(sim, "futures")) as socket:
        await subscribe(socket, "BTCUSDT")
        await sim.fault("malformed", exchange="bybit", market="futures", mode="drop", count=1)
        await sim.trade("bybit", "futures", "BTCUSDT")
        frame = json.loads(await asyncio.wait_for(socket.recv(), 5))
    assert frame["topic"] == "publicTrade.BTCUSDT"
    assert len(frame["data"][0]) == 9


async def test_a_recording_goes_to_whoever_subscribed_whatever_is_listed(tmp_path: Path) -> None:
    frames = ['{"topic":"publicTrade.GONEUSDT","type":"snapshot","ts":1,"data":[]}', '{"op":"ping"}']
    lines = [{"kind": "connect", "url": "wss://stream.bybit.com/v5/public/linear"}]
    lines += [{"kind": "recv", "data": frame} for frame in frames]
    file = tmp_path / "recording.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with (
        simulator(only=["bybit"], replay=[file], divide_timers=20) as sim,
        client(url(sim, "futures")) as socket,
    ):
        assert (await subscribe(socket, "GONEUSDT"))["success"] is True
        assert [await asyncio.wait_for(socket.recv(), 10) for _ in frames] == frames
