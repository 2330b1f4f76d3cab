"""What the tests of the simulated Upbit say to it."""

from __future__ import annotations

import json
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.conformance.clients import receive
from tests.simulator.testing import Simulated

UP = {"status": "UP"}


def url(sim: Simulated) -> str:
    return sim.websocket("upbit", "spot") + "/websocket/v1"


async def wish(socket: ClientConnection, *codes: str, form: str | None = None, **flags: object) -> None:
    """Sends a subscribe request; there is no ack."""
    request: list[dict[str, Any]] = [{"ticket": "t-1"}, {"type": "trade", "codes": list(codes), **flags}]
    await socket.send(json.dumps([*request, {"format": form}] if form else request))


async def up_to_now(socket: ClientConnection) -> list[Any]:
    """What the server has sent before it answers a PING, so that all sent before was understood."""
    await socket.send("PING")
    frames = []
    while (frame := await receive(socket)) != UP:
        frames.append(frame)
    return frames


async def live(socket: ClientConnection, *codes: str, form: str | None = None) -> None:
    """Subscribes to trades from now on, and waits until it holds."""
    await wish(socket, *codes, form=form, is_only_realtime=True)
    assert await up_to_now(socket) == []
