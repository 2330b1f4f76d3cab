"""What the tests of the simulated Upbit say to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.conformance.clients import client, receive
from tests.simulator.testing import Simulated
from tests.simulator.venues.upbit.keys import ACCESS_KEY, SECRET_KEY

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


def token(*, secret: str = SECRET_KEY) -> str:
    """A JWT of the simulated API key."""
    parts: list[dict[str, str]] = [{"alg": "HS256", "typ": "JWT"}, {"access_key": ACCESS_KEY, "nonce": "n-1"}]
    text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_encoded(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def private(sim: Simulated, authorization: str | None = None) -> AbstractAsyncContextManager[ClientConnection]:
    """A client of the private socket; with a good token unless told otherwise."""
    headers = {"Authorization": f"Bearer {token()}" if authorization is None else authorization}
    return client(url(sim) + "/private", additional_headers={name: text for name, text in headers.items() if text})
