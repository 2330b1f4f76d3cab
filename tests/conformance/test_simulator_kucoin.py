"""The simulated KuCoin's WebSocket against sections 6.3 to 6.7 of the reference."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import ask, client, ended, receive
from tests.conformance.kucoin_clients import (
    BITCOIN,
    KUCOIN,
    TRADES,
    address_of,
    bullet,
    pinged,
    request,
    session,
    subscribe,
    topic,
)
from tests.simulator.testing import Simulated, simulator
from tests.simulator.venues.kucoin import dialogue, tokens

MARKETS = ["spot", "futures"]
REFUSED_TOKEN = {"id": "me", "type": "error", "code": 401, "data": "token is invalid"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=KUCOIN) as running:
        yield running


# The token


@pytest.mark.parametrize("market", MARKETS)
async def test_the_welcome_repeats_the_connect_id(sim: Simulated, market: str) -> None:
    async with client(await address_of(sim, market, "hQvf8jkno")) as socket:
        assert await receive(socket) == {"id": "hQvf8jkno", "type": "welcome"}


@pytest.mark.parametrize("tail", ["", "?token=&connectId=me", "?token=made-up&connectId=me"])
async def test_a_bad_token_gets_401_and_a_close(sim: Simulated, tail: str) -> None:
    async with client(sim.websocket("kucoin", "spot") + "/endpoint" + tail) as socket:
        error = await receive(socket)
        assert (error["type"], error["code"], error["data"]) == ("error", 401, "token is invalid")
        assert await ended(socket) == (1000, "Bye")


async def test_a_token_that_is_not_url_encoded_is_bad(sim: Simulated) -> None:
    data = await bullet(sim, "spot")
    async with client(f"{data['instanceServers'][0]['endpoint']}?token={data['token']}&connectId=me") as socket:
        assert await receive(socket) == REFUSED_TOKEN


@pytest.mark.parametrize("market", MARKETS)
async def test_a_token_is_bound_to_its_market(sim: Simulated, market: str) -> None:
    other = "spot" if market == "futures" else "futures"
    token = quote((await bullet(sim, other))["token"], safe="")
    async with client(f"{sim.websocket('kucoin', market)}/endpoint?token={token}&connectId=me") as socket:
        assert await receive(socket) == REFUSED_TOKEN
        assert (await ended(socket))[0] == 1000


async def test_a_token_lives_a_day_and_its_connections_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LIFE", 6.0)
    async with simulator(only=KUCOIN, divide_timers=20) as sim:  # a day lasts 0.3 s here
        url = await address_of(sim, "spot")
        async with client(url) as first:
            assert (await receive(first))["type"] == "welcome"
            async with asyncio.timeout(10):
                frame = None
                while frame != REFUSED_TOKEN:
                    async with client(url) as socket:
                        frame = await receive(socket)
            assert (await pinged(first))["type"] == "pong"


async def test_another_path_than_that_of_the_token_call_is_refused(sim: Simulated) -> None:
    token = quote((await bullet(sim, "spot"))["token"], safe="")
    with pytest.raises(InvalidStatus) as refused:
        async with client(f"{sim.websocket('kucoin', 'spot')}/?token={token}"):
            pass
    assert refused.value.response.status_code == 404


# Subscriptions


async def test_a_subscribe_before_the_welcome_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue, "WELCOME", 0.5)
    async with simulator(only=KUCOIN) as sim, client(await address_of(sim, "spot")) as socket:
        error = {"id": "1", "type": "error", "code": 403, "data": "login is required"}
        assert await ask(socket, request(topic("spot"))) == error
        assert (await receive(socket))["type"] == "welcome"
        await subscribe(socket, topic("spot"))
        assert (await sim.state())["violations"] == {"kucoin.spot early subscribe": {"127.0.0.1": 1}}


async def test_a_spot_trade_has_the_keys_and_types_of_the_reference(sim: Simulated) -> None:
    async with session(sim) as socket:
        await subscribe(socket, topic("spot", "BTC-USDT", "ETH-USDT"))
        await sim.trade("kucoin", "spot", "BTC-USDT", price="67523.0", size="0.00300000", side="buy")
        frame = await receive(socket)
    (row,) = [one for one in await sim.records() if one["connections"]]
    data = frame.pop("data")
    assert frame == {"topic": "/market/match:BTC-USDT", "type": "message", "subject": "trade.l3match"}
    assert list(data) == [
        "makerOrderId", "price", "sequence", "side", "size", "symbol", "takerOrderId", "time", "tradeId", "type",
    ]  # fmt: skip
    assert all(isinstance(value, str) for value in data.values())
    fixed = {key: data[key] for key in ("price", "side", "size", "symbol", "type")}
    assert fixed == {"price": "67523", "side": "buy", "size": "0.003", "symbol": "BTC-USDT", "type": "match"}
    assert data["sequence"] == data["tradeId"] == row["id"] == row["seq"]
    assert data["time"] == str(row["time"])
    assert (len(data["time"]), len(data["makerOrderId"])) == (19, 24)


async def test_a_futures_trade_has_the_keys_and_types_of_the_reference(sim: Simulated) -> None:
    async with session(sim, "futures") as socket:
        await subscribe(socket, topic("futures", "XBTUSDTM", "ETHUSDTM"))
        await sim.trade("kucoin", "futures", "XBTUSDTM", price="90503.9", size="2", side="sell")
        frame = await receive(socket)
    (row,) = [one for one in await sim.records() if one["connections"]]
    data = frame.pop("data")
    number = int(row["id"])
    assert frame == {
        "topic": "/contractMarket/execution:XBTUSDTM", "type": "message", "subject": "match", "sn": number,
    }  # fmt: skip
    assert data == {
        "symbol": "XBTUSDTM", "sequence": number, "side": "sell", "size": 2, "price": "90503.9",
        "takerOrderId": data["takerOrderId"], "makerOrderId": data["makerOrderId"], "tradeId": row["id"],
        "ts": row["time"],
    }  # fmt: skip
    assert (type(data["size"]), type(data["ts"])) == (int, int)
    assert data["ts"] > 2**53
    assert len(data["takerOrderId"]) == 18


@pytest.mark.parametrize("market", MARKETS)
async def test_sequences_rise_with_gaps_one_trade_a_frame(sim: Simulated, market: str) -> None:
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market))
        await sim.trade("kucoin", market, BITCOIN[market], 60)
        numbers = [int((await receive(socket))["data"]["sequence"]) for _ in range(60)]
    steps = {after - before for before, after in pairwise(numbers)}
    assert {1, 2} < steps <= {1, 2, 3, 4, 5}


async def test_the_busiest_spot_ids_are_above_two_to_the_53rd(sim: Simulated) -> None:
    await sim.trade("kucoin", "spot", "BTC-USDT")
    assert all(int(row["id"]) > 2**53 for row in await sim.records())


@pytest.mark.parametrize("market", MARKETS)
async def test_nothing_is_sent_right_after_a_subscribe(sim: Simulated, market: str) -> None:
    await sim.trade("kucoin", market, BITCOIN[market], 3)
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market))
        assert (await pinged(socket))["type"] == "pong"


async def test_an_ack_comes_only_with_response_true(sim: Simulated) -> None:
    async with session(sim) as socket:
        await socket.send(request(topic("spot"), response=False))
        await socket.send(json.dumps({"id": "2", "type": "subscribe", "topic": topic("spot", "ETH-USDT")}))
        assert (await pinged(socket))["type"] == "pong"
        await sim.trade("kucoin", "spot", "BTC-USDT")
        await sim.trade("kucoin", "spot", "ETH-USDT")
        assert [(await receive(socket))["data"]["symbol"] for _ in range(2)] == ["BTC-USDT", "ETH-USDT"]


@pytest.mark.parametrize(("number", "text"), [(1234567890123, "1234567890123"), ("a1", "a1"), ("", ""), (None, "")])
async def test_the_id_of_an_answer_is_text(sim: Simulated, number: object, text: str) -> None:
    async with session(sim) as socket:
        assert await ask(socket, request(topic("spot"), number=number)) == {"id": text, "type": "ack"}
        assert (await pinged(socket, number))["id"] == text


@pytest.mark.parametrize("market", MARKETS)
async def test_an_unknown_symbol_is_acked_and_silent_and_its_neighbours_flow(sim: Simulated, market: str) -> None:
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market, "NOPE-USDT", BITCOIN[market], BITCOIN[market].lower()))
        await sim.trade("kucoin", market, BITCOIN[market])
        assert (await receive(socket))["topic"] == topic(market)
        assert (await pinged(socket))["type"] == "pong"


@pytest.mark.parametrize("market", MARKETS)
async def test_a_repeated_subscription_is_acked_and_yields_one_stream(sim: Simulated, market: str) -> None:
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market))
        await subscribe(socket, topic(market, BITCOIN[market], BITCOIN[market]))
        await sim.trade("kucoin", market, BITCOIN[market])
        assert (await receive(socket))["type"] == "message"
        assert (await pinged(socket))["type"] == "pong"


@pytest.mark.parametrize("market", MARKETS)
async def test_an_unsubscribed_symbol_stops(sim: Simulated, market: str) -> None:
    other = "ETH-USDT" if market == "spot" else "ETHUSDTM"
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market, BITCOIN[market], other))
        assert (await ask(socket, request(topic(market), verb="unsubscribe", number=2))) == {"id": "2", "type": "ack"}
        await sim.trade("kucoin", market, BITCOIN[market])
        await sim.trade("kucoin", market, other)
        assert (await receive(socket))["data"]["symbol"] == other


async def test_other_channels_are_acked_and_silent(sim: Simulated) -> None:
    async with session(sim) as socket:
        await subscribe(socket, "/market/ticker:BTC-USDT")
        await sim.trade("kucoin", "spot", "BTC-USDT")
        assert (await pinged(socket))["type"] == "pong"


# Errors


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"topic": "/nope/match:BTC-USDT"}, 404, "topic does not exist"),
        ({"topic": TRADES["futures"] + ":XBTUSDTM"}, 404, "topic does not exist"),
        ({"topic": None}, 406, "topic is required"),
        ({"topic": ""}, 406, "topic is required"),
        ({"topic": 5}, 400, "topic is invalid"),
        ({"topic": TRADES["spot"]}, 400, "topic is invalid"),
        ({"topic": TRADES["spot"] + ":BTC-USDT,,ETH-USDT"}, 400, "topic is invalid"),
        ({"type": "openTunnel"}, 415, "command type is invalid"),
        ({"type": ["subscribe"]}, 415, "command type is invalid"),
        ({"privateChannel": True}, 403, "login is required"),
    ],
)
async def test_a_bad_request_gets_its_error(sim: Simulated, changes: dict[str, object], code: int, text: str) -> None:
    good = {"id": "p28", "type": "subscribe", "topic": topic("spot"), "privateChannel": False, "response": True}
    async with session(sim) as socket:
        assert await ask(socket, good | changes) == {"id": "p28", "type": "error", "code": code, "data": text}
        assert (await pinged(socket))["type"] == "pong"


@pytest.mark.parametrize("text", ["{nonsense", "[1]", "5", ""])
async def test_unreadable_json_gets_400_with_an_id_that_was_never_sent(sim: Simulated, text: str) -> None:
    async with session(sim) as socket:
        error = await ask(socket, text)
    assert (error["type"], error["code"], bool(error["id"])) == ("error", 400, True)


# The end, load, faults, replay


async def test_a_planned_end_is_not_announced(sim: Simulated) -> None:
    async with session(sim) as socket:
        await subscribe(socket, topic("spot"))
        await sim.fault("planned_end", exchange="kucoin", market="spot", lead=0.05)
        assert await ended(socket) == (1001, "")
        assert [text async for text in socket] == []


@pytest.mark.parametrize("market", MARKETS)
async def test_a_client_gets_the_ledgers_trades_in_order_and_complete(market: str) -> None:
    async with simulator(only=KUCOIN, symbols=5) as sim, session(sim, market) as socket:
        names = [row["instrument"] for row in await sim.records("instrument") if row["market"] == market][:5]
        await subscribe(socket, topic(market, *names))
        await sim.post("/rate", exchange="kucoin", market=market, rate=2000)
        await sim.until(lambda state: state["markets"][f"kucoin.{market}"]["sent"] >= 1000)
        await sim.post("/pause")
        owed = [row for row in await sim.records() if row["connections"]]
        datas = [(await receive(socket))["data"] for _ in owed]
    clock = "time" if market == "spot" else "ts"
    assert [
        (data["symbol"], str(data["sequence"]), data["price"], str(data["size"]), data["side"], int(data[clock]))
        for data in datas
    ] == [(row["instrument"], row["id"], row["price"], row["size"], row["side"], row["time"]) for row in owed]


@pytest.mark.parametrize("market", MARKETS)
async def test_a_listing_while_running_trades_when_subscribed_to(sim: Simulated, market: str) -> None:
    order = {"exchange": "kucoin", "market": market}
    await sim.post("/universe", **order, list=[{"base": "SOON", "quote": "USDT", "price": "0.5"}])
    name = "SOON-USDT" if market == "spot" else "SOONUSDTM"
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market, name))
        await sim.trade("kucoin", market, name)
        assert (await receive(socket))["data"]["symbol"] == name
    await sim.post("/universe", **order, delist=[name])
    last = (await sim.records("instrument"))[-1]["row"]
    assert (last["enableTrading"] is False) if market == "spot" else (last["status"] == "BeingSettled")


@pytest.mark.parametrize("market", MARKETS)
async def test_damage_strikes_what_makes_a_trade(sim: Simulated, market: str) -> None:
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market))
        await sim.fault("malformed", exchange="kucoin", market=market, mode="drop", count=20)
        await sim.trade("kucoin", market, BITCOIN[market], 20)
        gone: set[str] = set()
        whole = {"symbol", "sequence", "side", "size", "price", "time" if market == "spot" else "ts"}
        for _ in range(20):
            missing = whole - set((await receive(socket))["data"])
            assert len(missing) == 1
            gone |= missing
    assert len(gone) > 2


LIST = {"code": "200000", "data": []}
OLD = (
    '{"data":{"symbol":"DAPPT-BTC","sequence":"1612701563869"},"subject":"trade.l3match",'
    '"topic":"/market/match:DAPPT-BTC","type":"message"}'
)


def recording(folder: Path) -> Path:
    """A list, a token call and one frame, as of 2021."""
    lines: list[dict[str, Any]] = [
        {"kind": "http", "url": "https://api.kucoin.com/api/v1/symbols", "data": json.dumps(LIST)},
        {"kind": "http", "url": "https://api.kucoin.com/api/v1/bullet-public", "data": '{"code":"200000"}'},
        {"kind": "connect", "url": "wss://push-private.kucoin.com/endpoint?token=TOKEN"},
        {"kind": "recv", "data": OLD},
    ]
    file = folder / "recording.jsonl"
    file.write_text("".join(json.dumps({"t": 1.5, **line}) + "\n" for line in lines), "utf-8")
    return file


async def test_a_recording_is_played_after_the_handshake(tmp_path: Path) -> None:
    async with simulator(only=KUCOIN, replay=[recording(tmp_path)], divide_timers=10) as sim, session(sim) as socket:
        async with sim.http.get(sim.rest("kucoin", "spot") + "/api/v2/symbols") as reply:
            assert await reply.json() == LIST
        await subscribe(socket, topic("spot", "DAPPT-BTC"))
        assert await asyncio.wait_for(socket.recv(), 5) == OLD
