"""The simulated Phemex against section 8 of the reference."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import ask, client, ended, receive
from tests.simulator.testing import Simulated, simulator

SUCCESS = {"status": "success"}
INVALID = {"code": 6001, "message": "invalid argument"}


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["phemex"]) as running:
        yield running


async def subscribe(socket: ClientConnection, method: str, *names: str, number: int = 1) -> Any:
    """Sends a subscribe frame, answers the reply."""
    return await ask(socket, {"id": number, "method": f"{method}.subscribe", "params": list(names)})


def url(sim: Simulated) -> str:
    return sim.websocket("phemex", "spot")


# The list


async def test_the_list_has_its_real_size_and_all_families(sim: Simulated) -> None:
    async with sim.http.get(sim.rest("phemex", "spot") + "/public/products") as reply:
        data = (await reply.json())["data"]
    spot = Counter((row["type"], row["status"]) for row in data["products"])
    perpetuals = Counter(
        (row["status"], row["settleCurrency"], row["perpProductSubType"]) for row in data["perpProductsV2"]
    )
    assert spot["Spot", "Listed"] == 177
    assert spot["Perpetual", "Listed"] > 0
    assert perpetuals["Listed", "USDT", "Normal"] == 116
    assert perpetuals["Delisted", "USDT", "Normal"] == 765
    assert all(perpetuals["Listed", *kind] for kind in [("USDC", "Normal"), ("USDT", "TradFi"), ("USDT", "PreMarket")])
    assert len({row["valueScale"] for row in data["currencies"]}) > 2
    pepe = next(row for row in data["perpProductsV2"] if row["symbol"] == "u1000PEPEUSDT")
    assert pepe["baseCurrency"] == "1000 PEPE"
    assert {row["baseCurrency"] for row in data["products"] if row["type"] == "Spot"} <= {
        row["currency"] for row in data["currencies"]
    }


# Subscriptions


async def test_any_path_or_query_is_refused(sim: Simulated) -> None:
    for tail in ("/ws", "/?x=1"):
        with pytest.raises(InvalidStatus):
            async with client(url(sim) + tail):
                pass


async def test_a_perpetual_answers_success_then_a_snapshot_newest_first(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        assert await subscribe(socket, "trade_p", "BTCUSDT", number=1234) == {
            "error": None,
            "id": 1234,
            "result": SUCCESS,
        }
        frame = await receive(socket)
    assert list(frame) == ["dts", "mts", "sequence", "symbol", "trades_p", "type"]
    assert (frame["symbol"], frame["type"], len(frame["trades_p"])) == ("BTCUSDT", "snapshot", 50)
    times = [row[0] for row in frame["trades_p"]]
    assert times == sorted(times, reverse=True)
    assert len(str(times[0])) == 19
    assert all(isinstance(text, str) for row in frame["trades_p"] for text in row[1:])


async def test_the_snapshot_holds_a_thousand_rows() -> None:
    async with simulator(only=["phemex"], history=1200) as sim, client(url(sim)) as socket:
        await subscribe(socket, "trade", "sBTCUSDT")
        assert len((await receive(socket))["trades"]) == 1000


async def test_spot_rows_are_scaled_integers(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trade", "sBTCUSDT")
        frame = await receive(socket)
        await sim.trade("phemex", "spot", "sBTCUSDT", price="8022701000000", size="42000", side="sell")
        live = await receive(socket)
    assert list(frame) == ["sequence", "symbol", "trades", "type"]
    assert live["type"] == "incremental"
    assert live["trades"][0][1:] == ["Sell", 8022701000000, 42000]


async def test_perpetual_decimals_have_no_trailing_zeros(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trade_p", "BTCUSDT")
        await receive(socket)
        await sim.trade("phemex", "futures", "BTCUSDT", price="93284.0", size="0.100", side="buy")
        assert (await receive(socket))["trades_p"][0][1:] == ["Buy", "93284", "0.1"]


async def test_live_rows_come_in_batches_newest_first(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trade_p", "BTCUSDT")
        await receive(socket)
        await sim.trade("phemex", "futures", "BTCUSDT", 5)
        rows = (await receive(socket))["trades_p"]
    times = [row[0] for row in rows]
    assert len(rows) == 5
    assert times == sorted(times, reverse=True)


async def test_spot_and_perpetuals_share_one_socket(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trade", "sBTCUSDT")
        assert (await receive(socket))["symbol"] == "sBTCUSDT"
        await subscribe(socket, "trade_p", "u1000PEPEUSDT")
        assert (await receive(socket))["symbol"] == "u1000PEPEUSDT"


async def test_a_second_symbol_in_a_frame_is_ignored_without_error(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        assert (await subscribe(socket, "trade", "sBTCUSDT", "sETHUSDT"))["error"] is None
        await receive(socket)
        await sim.trade("phemex", "spot", "sETHUSDT")
        await sim.trade("phemex", "spot", "sBTCUSDT")
        assert (await receive(socket))["symbol"] == "sBTCUSDT"


@pytest.mark.parametrize(
    ("request_text", "number"),
    [
        ('{"id":1,"method":"trade_p.subscribe","params":["NOPEUSDT"]}', 1),
        ('{"id":2,"method":"trade_p.subscribe","params":["sBTCUSDT"]}', 2),
        ('{"id":3,"method":"trade.subscribe","params":["BTCUSDT"]}', 3),
        ('{"id":4,"method":"nope.subscribe","params":["BTCUSDT"]}', 4),
        ('{"id":5,"method":"trade_p.subscribe","params":["btcusdt"]}', 5),
        ("{nonsense", None),
    ],
)
async def test_a_bad_request_gets_6001(sim: Simulated, request_text: str, number: int | None) -> None:
    async with client(url(sim)) as socket:
        assert await ask(socket, request_text) == {"error": INVALID, "id": number, "result": None}


async def test_the_102nd_subscription_of_a_socket_gets_6015() -> None:
    async with simulator(only=["phemex"], history=0) as sim, client(url(sim)) as socket:
        async with sim.http.get(sim.rest("phemex", "spot") + "/public/products") as reply:
            names = [row["symbol"] for row in (await reply.json())["data"]["products"] if row["type"] == "Spot"]
        for number, name in enumerate(names[:101]):
            assert (await subscribe(socket, "trade", name, number=number))["error"] is None
            await asyncio.sleep(0.051)  # twenty frames a second are allowed
        assert await subscribe(socket, "trade_p", "BTCUSDT", number=1338) == {
            "error": {"code": 6015, "message": "subscription limit exceeded"}, "id": 1338, "result": None,
        }  # fmt: skip


async def test_an_unsubscribed_symbol_stops(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        for name in ("sBTCUSDT", "sETHUSDT"):
            await subscribe(socket, "trade", name)
            await receive(socket)
        await ask(socket, {"id": 9, "method": "trade.unsubscribe", "params": ["sBTCUSDT"]})
        await sim.trade("phemex", "spot", "sBTCUSDT")
        await sim.trade("phemex", "spot", "sETHUSDT")
        assert (await receive(socket))["symbol"] == "sETHUSDT"


async def test_an_unsubscribe_without_symbols_removes_all_of_its_method(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        for method, name in (("trade", "sBTCUSDT"), ("trade", "sETHUSDT"), ("trade_p", "BTCUSDT")):
            await subscribe(socket, method, name)
            await receive(socket)
        await ask(socket, {"id": 9, "method": "trade.unsubscribe", "params": []})
        for market, name in (("spot", "sBTCUSDT"), ("spot", "sETHUSDT"), ("futures", "BTCUSDT")):
            await sim.trade("phemex", market, name)
        assert (await receive(socket))["symbol"] == "BTCUSDT"


# Heartbeat and limits


async def test_a_client_ping_is_answered(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        pong = await ask(socket, {"id": 0, "method": "server.ping", "params": []})
    assert pong == {"error": None, "id": 0, "result": "pong"}


async def test_a_socket_without_pings_dies_though_data_flows() -> None:
    async with simulator(only=["phemex"], divide_timers=40, rate=200) as sim:
        started = asyncio.get_running_loop().time()  # no later than the socket's own clock
        async with client(url(sim)) as socket:
            await subscribe(socket, "trade", "sBTCUSDT")
            opened = asyncio.get_running_loop().time()
            assert await ended(socket) == (1006, "")
            over = asyncio.get_running_loop().time()
            assert over - started >= 31.0 / 40
            assert over - opened <= 40.0 / 40
        assert (await sim.state())["violations"] == {"phemex heartbeat": {"127.0.0.1": 1}}


@pytest.mark.parametrize("kind", ["server.ping", "protocol ping"])
async def test_pings_keep_a_socket_alive(kind: str) -> None:
    async with simulator(only=["phemex"], divide_timers=40) as sim, client(url(sim)) as socket:
        for _ in range(8):
            if kind == "server.ping":
                await ask(socket, {"id": 0, "method": "server.ping", "params": []})
            else:
                await asyncio.wait_for(await socket.ping(), 5)
            await asyncio.sleep(0.2)
        assert (await subscribe(socket, "trade", "sBTCUSDT"))["error"] is None


async def test_more_than_twenty_frames_in_a_second_end_the_connection(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        for number in range(21):
            await socket.send(json.dumps({"id": number, "method": "server.ping", "params": []}))
        assert (await ended(socket))[0] == 1008


async def test_the_201st_connect_of_an_address_in_five_minutes_is_refused(sim: Simulated) -> None:
    for _ in range(200):
        async with client(url(sim), address="127.0.0.9"):
            pass
    with pytest.raises(InvalidStatus) as refused:
        async with client(url(sim), address="127.0.0.9"):
            pass
    assert refused.value.response.status_code == 429


# REST


@pytest.mark.parametrize(
    ("path", "symbol", "key"), [("/md/trade", "sBTCUSDT", "trades"), ("/md/v2/trade", "BTCUSDT", "trades_p")]
)
async def test_the_newest_trades_over_rest_are_those_of_the_snapshot(
    sim: Simulated, path: str, symbol: str, key: str
) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trade" if key == "trades" else "trade_p", symbol)
        frame = await receive(socket)
    async with sim.http.get(sim.rest("phemex", "spot") + path, params={"symbol": symbol}) as reply:
        body = await reply.json()
    assert (body["error"], body["id"]) == (None, 0)
    assert list(body["result"]) == ["sequence", "symbol", key, "type"]
    assert body["result"][key] == frame[key]


@pytest.mark.parametrize(("path", "symbol"), [("/md/trade", "BTCUSDT"), ("/md/v2/trade", "NOPE"), ("/md/trade", "")])
async def test_a_bad_symbol_over_rest_is_500(sim: Simulated, path: str, symbol: str) -> None:
    async with sim.http.get(sim.rest("phemex", "spot") + path, params={"symbol": symbol}) as reply:
        assert reply.status == 500
        assert await reply.json() == {"error": INVALID, "id": None, "result": None}


async def test_too_many_requests_get_429_with_the_header_of_their_group(sim: Simulated) -> None:
    for _ in range(700):  # 300 a minute; a full minute may pass in between
        async with sim.http.get(sim.rest("phemex", "spot") + "/md/trade?symbol=NOPE") as reply:
            if reply.status == 429:
                assert int(reply.headers["x-ratelimit-retry-after-others"]) >= 1
                return
    raise AssertionError("no 429 within 700 requests")


# What has no id


async def test_some_rows_are_equal_and_some_of_these_lie_in_two_frames() -> None:
    async with simulator(only=["phemex"], symbols=3) as sim, client(url(sim)) as socket:
        await subscribe(socket, "trade_p", "BTCUSDT")
        await receive(socket)
        await sim.post("/rate", exchange="phemex", market="futures", rate=1500)
        within = across = 0
        before: set[tuple[Any, ...]] = set()
        async with asyncio.timeout(10):
            while not (within and across):
                rows = [tuple(row) for row in (await receive(socket))["trades_p"]]
                within += len(rows) - len(set(rows))
                across += len(before & set(rows))
                before = set(rows)
