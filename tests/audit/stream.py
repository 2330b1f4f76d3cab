"""Reading whole streams, fast, in the order in which they were stored."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

BATCH = 5_000
_STALLED = 10.0  # seconds without a message before asking again, then giving up


class CannotRead(RuntimeError):
    """The server is not there, or answers what it should not."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored message; ``at`` is the server's store time in ns."""

    stream: str
    sequence: int
    at: int
    subject: str
    message_id: str | None
    data: bytes


async def connect(url: str) -> Client:
    """Connect; a server that isn't there is an error at once.

    Raises:
        CannotRead: when there is no server.
    """
    # A server that refuses is tried over and over by nats-py's defaults; two attempts tell enough.
    once: dict[str, Any] = {"allow_reconnect": False, "max_reconnect_attempts": 1, "reconnect_time_wait": 0}
    client = Client()
    try:
        await client.connect(url, connect_timeout=5, error_cb=_quiet, **once)
    except (OSError, nats.errors.Error, TimeoutError) as error:
        await client.close()  # the library leaves its socket open then
        raise CannotRead(f"{url}: {error or type(error).__name__}") from error
    return client


async def _quiet(error: Exception) -> None:
    """Errors surface where they are awaited."""


async def names(nc: Client, subjects: str) -> list[str]:
    """Return the names of the streams that have a subject in common with ``subjects``."""
    found: list[str] = []
    while True:
        reply = await _api(nc, "STREAM.NAMES", {"subject": subjects, "offset": len(found)})
        page = reply.get("streams") or []
        found += page
        if not page or len(found) >= reply["total"]:
            return sorted(found)


async def last_sequences(nc: Client, subjects: str) -> dict[str, int]:
    """Return per stream its last sequence, for those that have a subject in common with ``subjects``."""
    return {
        name: (await _api(nc, f"STREAM.INFO.{name}", {}))["state"]["last_seq"] for name in await names(nc, subjects)
    }


async def count(nc: Client, subjects: str) -> int:
    """Return how many messages are stored on these subjects."""
    total = 0
    for name in await names(nc, subjects):
        state = (await _api(nc, f"STREAM.INFO.{name}", {"subjects_filter": subjects}))["state"]
        total += sum((state.get("subjects") or {}).values())
    return total


async def read(nc: Client, subjects: str, take: Callable[[Stored], None]) -> int:
    """Hand every stored message on ``subjects`` to ``take``, stream by stream in store order; return how many.

    Raises:
        CannotRead: when a stream stops answering before its end.
    """
    count = 0
    for name in await names(nc, subjects):
        count += await _read_stream(nc, name, subjects, take)
    return count


async def _read_stream(nc: Client, name: str, subjects: str, take: Callable[[Stored], None]) -> int:
    # The server sends a consumer that acknowledges nothing in stream order; `pending` counts what is still to come.
    config = {
        "deliver_policy": "all",
        "ack_policy": "none",
        "filter_subject": subjects,
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": 60_000_000_000,
    }
    consumer = await _api(nc, f"CONSUMER.CREATE.{name}", {"stream_name": name, "config": config})
    pending: int = consumer["num_pending"]
    if not pending:
        return 0
    inbox = nc.new_inbox()
    arrived: asyncio.Queue[Msg] = asyncio.Queue()
    subscription = await nc.subscribe(inbox, cb=arrived.put, pending_msgs_limit=-1, pending_bytes_limit=-1)
    more = f"$JS.API.CONSUMER.MSG.NEXT.{name}.{consumer['name']}"
    request = orjson.dumps({"batch": BATCH, "expires": int(_STALLED * 1e9)})
    count = asked = 0
    try:
        while pending:
            if count >= asked - BATCH // 2:
                await nc.publish(more, request, reply=inbox)
                asked += BATCH
            message = await _next(arrived, name)
            if message.reply:
                stored, pending = _stored(message)
                take(stored)
                count += 1
            else:
                asked = count  # the request ended early: ask again
    finally:
        await subscription.unsubscribe()
        await _api(nc, f"CONSUMER.DELETE.{name}.{consumer['name']}", {})
    return count


async def _next(arrived: "asyncio.Queue[Msg]", name: str) -> Msg:
    if not arrived.empty():
        return arrived.get_nowait()
    try:
        return await asyncio.wait_for(arrived.get(), 2 * _STALLED)
    except TimeoutError:
        raise CannotRead(f"stream {name} stopped answering") from None


def _stored(message: Msg) -> tuple[Stored, int]:
    # $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>, from 2.11 on
    # possibly with domain and account before the stream and a token behind.
    tokens = message.reply.split(".")
    if len(tokens) > 9:
        tokens = tokens[:2] + tokens[4:11]
    headers = message.headers
    return (
        Stored(
            stream=tokens[2],
            sequence=int(tokens[5]),
            at=int(tokens[7]),
            subject=message.subject,
            message_id=headers.get("Nats-Msg-Id") if headers else None,
            data=message.data,
        ),
        int(tokens[8]),
    )


async def _api(nc: Client, call: str, body: dict[str, object]) -> dict[str, Any]:
    reply = orjson.loads((await nc.request(f"$JS.API.{call}", orjson.dumps(body), timeout=10)).data)
    if "error" in reply:
        raise CannotRead(f"{call}: {reply['error'].get('description')}")
    return dict(reply)
