"""Instruments that come to a socket, and leave it, while it runs."""

import asyncio
import json
from dataclasses import replace

from websockets.asyncio.server import ServerConnection

from tests.unit.collector.made import BTC
from tests.unit.collector.session.test_connection import accept, connected, trade


async def asked(socket: ServerConnection) -> tuple[str, list[str]]:
    """Take one request and say what it asked for."""
    request = json.loads(await socket.recv())
    await socket.send(json.dumps({"result": None, "id": request["id"]}))
    return request["method"], request["params"]


async def test_an_instrument_that_comes_is_subscribed_to_on_the_way() -> None:
    heard: asyncio.Queue[tuple[str, list[str]]] = asyncio.Queue()

    async def venue(socket: ServerConnection) -> None:
        while True:
            heard.put_nowait(await asked(socket))

    async with connected(venue) as rig:
        await rig.connection.answered.wait()
        rig.connection.plan.instruments["XRPUSDT"] = replace(BTC, name="XRPUSDT", base="XRP")  # type: ignore[index]
        rig.connection.add(["XRPUSDT"])
        await heard.get()
        assert await heard.get() == ("SUBSCRIBE", ["xrpusdt@trade"])
        assert rig.connection.answered.is_set()
        assert rig.gate.joined == ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
        while "XRPUSDT" not in rig.connection.streaming:  # noqa: ASYNC110 - it is looked at, not waited for
            await asyncio.sleep(0.01)


async def test_an_instrument_that_comes_before_the_first_request_is_asked_for_once() -> None:
    heard: asyncio.Queue[tuple[str, list[str]]] = asyncio.Queue()

    async def venue(socket: ServerConnection) -> None:
        while True:
            heard.put_nowait(await asked(socket))

    async with connected(venue) as rig:
        rig.connection.plan.instruments["XRPUSDT"] = replace(BTC, name="XRPUSDT", base="XRP")  # type: ignore[index]
        rig.connection.add(["XRPUSDT"])
        assert await heard.get() == ("SUBSCRIBE", ["btcusdt@trade", "ethusdt@trade", "xrpusdt@trade"])
        await rig.connection.answered.wait()
        assert heard.empty()


async def test_an_instrument_that_goes_is_unsubscribed_and_streams_no_longer() -> None:
    heard: asyncio.Queue[tuple[str, list[str]]] = asyncio.Queue()

    async def venue(socket: ServerConnection) -> None:
        while True:
            heard.put_nowait(await asked(socket))

    async with connected(venue) as rig:
        await rig.connection.answered.wait()
        rig.connection.remove({"ETHUSDT", "NEVERUSDT"})
        await heard.get()
        assert await heard.get() == ("UNSUBSCRIBE", ["ethusdt@trade"])
        assert (rig.connection.names, rig.connection.streaming) == (["BTCUSDT"], {"BTCUSDT"})


async def test_nobody_waits_any_longer_for_an_instrument_that_has_gone() -> None:
    told = asyncio.Event()

    async def venue(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(trade(1))
        told.set()
        await socket.wait_closed()

    async with connected(venue) as rig:
        await rig.received(1)
        assert not rig.connection.answered.is_set()
        rig.connection.remove({"ETHUSDT"})
        assert rig.connection.answered.is_set()


async def test_what_is_added_to_a_connection_that_has_ended_joins_nothing() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)

    async with connected(venue) as rig:
        await rig.over
        rig.connection.add(["BTCUSDT"])
        assert rig.gate.joined == ["BTCUSDT", "ETHUSDT"]
