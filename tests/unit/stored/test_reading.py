"""Where the reading of a stream ends."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from metdc_collector.stored.reading import JetStream, Source, Start

Handler = Callable[[Msg], Awaitable[None]]


class BusyServer(Client):
    """A server that holds ``stored`` messages when a consumer is made, and goes on storing faster than it is read."""

    def __init__(self, stored: int) -> None:
        super().__init__()
        self._stored = stored
        self._delivery: asyncio.Task[None] | None = None
        self._handler: Handler | None = None

    def new_inbox(self) -> str:
        return "_INBOX.a"

    async def subscribe(self, subject: str, *, cb: Handler, **_: Any) -> Any:  # type: ignore[override]
        self._handler = cb
        return self

    async def unsubscribe(self) -> None:
        assert self._delivery is not None
        self._delivery.cancel()

    async def request(self, subject: str, payload: bytes = b"", **_: Any) -> Msg:  # type: ignore[override]
        self._delivery = asyncio.ensure_future(self._deliver())
        made = {"num_pending": self._stored, "delivered": {"stream_seq": 0}}
        return Msg(_client=self, data=json.dumps(made).encode())

    async def _deliver(self) -> None:
        assert self._handler is not None
        number = 0
        while True:
            number += 1
            reply = f"$JS.ACK.TRADES.c.1.{number}.{number}.0.{100 + number}"
            await self._handler(Msg(_client=self, subject="trades.a.spot.B.C", reply=reply, data=b"{}"))
            await asyncio.sleep(0)


async def test_without_following_a_stream_ends_with_what_it_held_at_the_start() -> None:
    source = Source("TRADES", JetStream(BusyServer(3)), "trades.>", Start(sequence=1), asyncio.Event(), follow=False)
    await asyncio.wait_for(source.run(), 10)
    assert [source.queue.get_nowait().sequence for _ in range(source.queue.qsize())] == [1, 2, 3]
    assert source.left == 0


async def test_a_stream_that_holds_nothing_ends_at_once() -> None:
    source = Source("TRADES", JetStream(BusyServer(0)), "trades.>", Start(sequence=1), asyncio.Event(), follow=False)
    await asyncio.wait_for(source.run(), 10)
    assert (source.queue.qsize(), source.left) == (0, 0)
