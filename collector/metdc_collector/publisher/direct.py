"""Direct gets: messages of a stream by subject, without a consumer on the server."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

# The server's bound on the subjects of one request (nats-server 2.11 and later).
_MOST_SUBJECTS = 1024
_PATIENCE = 10.0
_END = ("204", "404")  # the last message was sent; there is none


class LookFailed(Exception):
    """The stream could not be asked; the text says why."""


def header(message: Msg, name: str) -> str:
    """Return a header of a message, empty where it has none of that name."""
    return (message.headers or {}).get(name, "")


async def newest_of(client: Client, stream: str, subjects: Sequence[str], *, api: str = "$JS.API") -> list[Msg]:
    """Return the newest message of each subject, wildcards allowed, that has one.

    Raises:
        LookFailed: when the server doesn't answer.
    """
    found: list[Msg] = []
    for start in range(0, len(subjects), _MOST_SUBJECTS):
        request = {"multi_last": list(subjects[start : start + _MOST_SUBJECTS])}
        found += await direct_get(client, stream, request, api=api)
    return found


async def direct_get(client: Client, stream: str, request: Mapping[str, Any], *, api: str = "$JS.API") -> list[Msg]:
    """Return the messages that answer a direct get, up to where the server says that there are no more.

    Raises:
        LookFailed: when the server doesn't answer, or refuses.
    """
    subject = f"{api}.DIRECT.GET.{stream}"
    found: list[Msg] = []
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(message: Msg) -> None:
        status = header(message, "Status")
        if not status:
            found.append(message)
        elif not ended.done():
            ended.set_result("" if status in _END else f"status {status} {header(message, 'Description')}".rstrip())

    try:
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=take, pending_msgs_limit=-1, pending_bytes_limit=-1)
        try:
            await client.publish(subject, orjson.dumps(request), reply=inbox)
            problem = await asyncio.wait_for(ended, _PATIENCE)
        finally:
            if not client.is_closed:
                await subscription.unsubscribe()
    except (TimeoutError, OSError, nats.errors.Error) as error:
        raise LookFailed(f"{subject}: {error or 'no answer'}") from error
    if problem:
        raise LookFailed(f"{subject}: {problem}")
    return found
