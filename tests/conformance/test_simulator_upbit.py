"""The simulated Upbit WebSocket against section 9.2 of the reference."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from tests.conformance.clients import CEILING, client, receive
from tests.conformance.upbit import live, up_to_now, url, wish
from tests.simulator.testing import Simulated, simulator

LONG = [
    "type", "code", "timestamp", "trade_date", "trade_time", "trade_timestamp", "trade_price", "trade_volume",
    "ask_bid", "prev_closing_price", "change", "change_price", "sequential_id", "best_ask_price", "best_ask_size",
    "best_bid_price", "best_bid_size", "stream_type",
]  # fmt: skip
SHORT = ["ty", "cd", "tms", "td", "ttm", "ttms", "tp", "tv", "ab", "pcp", "c", "cp", "sid", "st"]


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["upbit"]) as running:
        yield running


# What flows


async def test_a_subscription_is_answered_by_the_last_trade_of_each_code_and_by_nothing_else(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await wish(socket, "KRW-BTC", "BTC-ETH")
        frames = await up_to_now(socket)
    assert [(frame["code"], frame["stream_type"]) for frame in frames] == [
        ("KRW-BTC", "SNAPSHOT"),
        ("BTC-ETH", "SNAPSHOT"),
    ]
    last = [row for row in await sim.records() if row["instrument"] == "KRW-BTC"][-1]
    assert (last["id"], last["snapshot_only"]) == (str(frames[0]["sequential_id"]), True)


async def test_a_live_trade_has_the_fields_and_types_of_the_reference(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC")
        await sim.trade("upbit", "spot", "KRW-BTC", price="109847000", size="0.00509799", side="sell")
        text = await asyncio.wait_for(socket.recv(), CEILING)
    assert isinstance(text, bytes), "frames have the binary opcode"
    assert b'"trade_price":109847000.0,"trade_volume":0.00509799,"ask_bid":"ASK",' in text
    frame = json.loads(text)
    assert list(frame) == LONG
    assert (frame["type"], frame["code"], frame["stream_type"]) == ("trade", "KRW-BTC", "REALTIME")
    for name in ("timestamp", "trade_timestamp", "sequential_id"):
        assert type(frame[name]) is int, name
    for name in ("prev_closing_price", "change_price", "best_ask_price", "best_bid_size"):
        assert isinstance(frame[name], int | float), name
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", f"{frame['trade_date']}T{frame['trade_time']}")
    assert frame["timestamp"] >= frame["trade_timestamp"]


async def test_each_frame_holds_one_trade(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC", form="JSON_LIST")
        await sim.trade("upbit", "spot", "KRW-BTC", 3)
        assert [len(await receive(socket)) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("form", "names", "listed"),
    [(None, LONG, False), ("DEFAULT", LONG, False), ("SIMPLE", SHORT, False)]
    + [("JSON_LIST", LONG, True), ("SIMPLE_LIST", SHORT, True)],
)
async def test_a_client_chooses_its_format(sim: Simulated, form: str | None, names: list[str], listed: bool) -> None:
    async with client(url(sim)) as socket:
        await wish(socket, "KRW-BTC", form=form)
        (snapshot,) = await up_to_now(socket)
        await sim.trade("upbit", "spot", "KRW-BTC")
        for frame in (snapshot, await receive(socket)):
            assert isinstance(frame, list) == listed
            assert list(frame[0] if listed else frame) == names


@pytest.mark.parametrize("flag", ["is_only_realtime", "isOnlyRealtime"])
async def test_no_last_trade_comes_to_who_wants_live_ones_only(sim: Simulated, flag: str) -> None:
    async with client(url(sim)) as socket:
        await socket.send(f'[{{"ticket":"t"}},{{"type":"trade","codes":["KRW-BTC"],"{flag}":true}}]')
        assert await up_to_now(socket) == []
        await sim.trade("upbit", "spot", "KRW-BTC")
        assert (await receive(socket))["stream_type"] == "REALTIME"


async def test_no_live_trade_comes_to_who_wants_last_ones_only(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await wish(socket, "KRW-BTC", is_only_snapshot=True)
        assert [frame["stream_type"] for frame in await up_to_now(socket)] == ["SNAPSHOT"]
        await sim.trade("upbit", "spot", "KRW-BTC")
        assert await up_to_now(socket) == []


async def test_an_unknown_or_lower_case_code_is_ignored_without_a_word(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await wish(socket, "KRW-NOPE", "krw-btc", "BTC-KRW", "KRW-ETH")
        assert [frame["code"] for frame in await up_to_now(socket)] == ["KRW-ETH"]
        await sim.trade("upbit", "spot", "KRW-BTC")
        await sim.trade("upbit", "spot", "KRW-ETH")
        assert (await receive(socket))["code"] == "KRW-ETH"


async def test_a_second_request_replaces_the_first(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC", "KRW-ETH")
        await live(socket, "KRW-ETH", "KRW-XRP")
        for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP"):
            await sim.trade("upbit", "spot", code)
        assert [(await receive(socket))["code"] for _ in range(2)] == ["KRW-ETH", "KRW-XRP"]
    lines = [row for row in await sim.records("connection") if row["event"] == "unsubscribed"]
    assert [line["instruments"] for line in lines] == [["KRW-BTC"]]


async def test_a_request_without_trades_ends_them(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC")
        await socket.send('[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"]}]')
        await up_to_now(socket)
        await sim.trade("upbit", "spot", "KRW-BTC")
        assert await up_to_now(socket) == []


async def test_all_codes_pass_in_one_frame(sim: Simulated) -> None:
    codes = [row["instrument"] for row in await sim.records("instrument")]
    async with client(url(sim)) as socket:
        await wish(socket, *codes)
        assert [frame["code"] for frame in await up_to_now(socket)] == codes
    assert len(codes) == 855


async def test_the_subscriptions_are_listed_when_asked_for(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC", "KRW-ETH")
        await socket.send('[{"method":"LIST_SUBSCRIPTIONS"},{"ticket":"t-2"}]')
        assert await receive(socket) == {
            "method": "LIST_SUBSCRIPTIONS",
            "result": [{"type": "trade", "codes": ["KRW-BTC", "KRW-ETH"]}],
            "ticket": "t-2",
        }


@pytest.mark.parametrize(("form", "key"), [("", "type"), (',{"format":"SIMPLE"}', "ty")])
async def test_listing_without_the_format_in_use_switches_the_stream_back_to_default(
    sim: Simulated, form: str, key: str
) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC", form="SIMPLE")
        await socket.send(f'[{{"method":"LIST_SUBSCRIPTIONS"}},{{"ticket":"t"}}{form}]')
        await receive(socket)
        await sim.trade("upbit", "spot", "KRW-BTC")
        assert (await receive(socket))[key] == "trade"


# Numbers


async def test_large_and_small_numbers_come_with_an_exponent_now_and_then(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC")
        await sim.trade("upbit", "spot", "KRW-BTC", price="116539000", size="0.00004515", side="buy")
        text = bytes(await asyncio.wait_for(socket.recv(), CEILING))  # type: ignore[arg-type]
    assert b'"trade_price":1.16539E8,"trade_volume":4.515E-5,' in text
    async with sim.http.get(sim.rest("upbit", "spot") + "/v1/trades/ticks?market=KRW-BTC") as reply:
        assert '"trade_price":1.16539E8,"trade_volume":4.515E-5,' in await reply.text()
    last = (await sim.records())[-1]
    assert (last["price"], last["size"], last["seq"]) == ("1.16539E8", "4.515E-5", None)


async def test_ids_are_milliseconds_and_a_counter_and_not_quite_in_order(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-BTC")
        await sim.trade("upbit", "spot", "KRW-BTC", 1000)
        frames = [await receive(socket) for _ in range(1000)]
    ids = [frame["sequential_id"] for frame in frames]
    assert [number // 10_000 for number in ids] == [frame["trade_timestamp"] for frame in frames]
    assert {len(str(number)) for number in ids} == {17}
    assert len(set(ids)) == 1000
    turned = [frame for frame, number, after in zip(frames, ids, ids[1:], strict=False) if after < number]
    assert 0 < len(turned) < 100
    times = [frame["trade_timestamp"] for frame in frames]
    assert times == sorted(times)


# Ledger and listings


async def test_a_client_gets_the_ledgers_trades_in_order_and_complete() -> None:
    async with simulator(only=["upbit"], symbols=5) as sim, client(url(sim)) as socket:
        codes = [row["instrument"] for row in await sim.records("instrument")][:5]
        await live(socket, *codes)
        await sim.post("/rate", total=1000)
        await sim.until(lambda state: state["markets"]["upbit.spot"]["sent"] >= 500)
        await sim.post("/pause")
        owed = [row for row in await sim.records() if row["connections"]]
        frames = [
            json.loads(await asyncio.wait_for(socket.recv(), CEILING), parse_float=Decimal) for _ in range(len(owed))
        ]
    side = {"ASK": "sell", "BID": "buy"}
    assert [
        (f["code"], str(f["sequential_id"]), f["trade_price"], f["trade_volume"], side[f["ask_bid"]]) for f in frames
    ] == [
        (row["instrument"], row["id"], Decimal(row["price"]), Decimal(row["size"]), row["side"]) for row in owed
    ]  # fmt: skip
    assert {row["instrument"] for row in owed} == set(codes)


async def test_a_pair_listed_while_running_flows_to_who_asks_for_it_then(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await live(socket, "KRW-NEWC", "KRW-BTC")
        await sim.post(
            "/universe", exchange="upbit", market="spot", list=[{"base": "NEWC", "quote": "KRW", "price": "812.5"}]
        )
        await sim.trade("upbit", "spot", "KRW-NEWC")
        assert await up_to_now(socket) == []
        await wish(socket, "KRW-NEWC", "KRW-BTC")
        assert [frame["code"] for frame in await up_to_now(socket)] == ["KRW-NEWC", "KRW-BTC"]
    assert [row["snapshot_only"] for row in await sim.records() if row["instrument"] == "KRW-NEWC"] == [False]


async def test_a_pair_that_has_not_traded_yet_has_no_last_trade(sim: Simulated) -> None:
    await sim.post("/universe", exchange="upbit", market="spot", list=[{"base": "NEWC", "quote": "KRW"}])
    async with client(url(sim)) as socket:
        await wish(socket, "KRW-NEWC")
        assert await up_to_now(socket) == []
        await sim.trade("upbit", "spot", "KRW-NEWC")
        assert (await receive(socket))["stream_type"] == "REALTIME"


async def test_nothing_comes_of_what_a_fault_silences(sim: Simulated) -> None:
    await sim.fault("silent_ack", exchange="upbit", instruments=["KRW-BTC"])
    async with client(url(sim)) as socket:
        await wish(socket, "KRW-BTC", "KRW-ETH")
        assert [frame["code"] for frame in await up_to_now(socket)] == ["KRW-ETH"]
