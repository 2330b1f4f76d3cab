"""The token handshake of KuCoin, for bare clients."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection

from tests.conformance.clients import ask, client, receive
from tests.simulator.testing import Simulated

KUCOIN = ["kucoin.spot", "kucoin.futures"]
TRADES = {"spot": "/market/match", "futures": "/contractMarket/execution"}
BITCOIN = {"spot": "BTC-USDT", "futures": "XBTUSDTM"}


async def bullet(sim: Simulated, market: str) -> dict[str, Any]:
    """The data of the token call."""
    async with sim.http.post(sim.rest("kucoin", market) + "/api/v1/bullet-public") as reply:
        body = await reply.json()
    assert body["code"] == "200000"
    return dict(body["data"])


async def address_of(sim: Simulated, market: str, name: str = "me") -> str:
    """A WebSocket address with a fresh token."""
    data = await bullet(sim, market)
    return f"{data['instanceServers'][0]['endpoint']}?token={quote(data['token'], safe='')}&connectId={name}"


@asynccontextmanager
async def session(sim: Simulated, market: str = "spot", **options: Any) -> AsyncIterator[ClientConnection]:
    """A connection that was made welcome."""
    async with client(await address_of(sim, market), **options) as socket:
        assert await receive(socket) == {"id": "me", "type": "welcome"}
        yield socket


def topic(market: str, *names: str) -> str:
    """The trade topic of some symbols, those of bitcoin without names."""
    return f"{TRADES[market]}:{','.join(names or (BITCOIN[market],))}"


def request(topic: object, *, number: object = "1", verb: str = "subscribe", response: bool = True) -> str:
    """The text of a request."""
    return json.dumps(
        {"id": number, "type": verb, "topic": topic, "privateChannel": False, "response": response}, allow_nan=False
    )


async def subscribe(socket: ClientConnection, topic: str) -> None:
    """Subscribes and takes the acknowledgement."""
    assert await ask(socket, request(topic)) == {"id": "1", "type": "ack"}


async def pinged(socket: ClientConnection, number: object = "p") -> dict[str, Any]:
    """The answer to a ping: the next frame if nothing else was on its way."""
    return dict(await ask(socket, {"id": number, "type": "ping"}))
