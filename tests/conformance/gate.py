"""What a bare client says to Gate."""

from __future__ import annotations

import time
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.conformance.clients import ask
from tests.simulator.testing import Simulated

PATHS = {"spot": "/ws/v4/", "futures": "/v4/ws/usdt"}


def url(sim: Simulated, market: str) -> str:
    """The WebSocket address of a market."""
    return sim.websocket("gate", market) + PATHS[market]


def request(channel: str, event: str, *names: str, **fields: Any) -> dict[str, Any]:
    """A request of this moment."""
    return {"time": int(time.time()), "channel": channel, "event": event, "payload": list(names), **fields}


async def subscribe(socket: ClientConnection, market: str, *names: str) -> Any:
    """Subscribes to trades, answers the reply."""
    return await ask(socket, request(f"{market}.trades", "subscribe", *names))


async def ping(socket: ClientConnection, market: str, **fields: Any) -> Any:
    """Sends the application's ping, answers the next message."""
    return await ask(socket, {"time": int(time.time()), "channel": f"{market}.ping", **fields})
