"""Keeping and ending tasks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

log = logging.getLogger(__name__)
_PAUSE = 1.0
# Longer than a task's own farewell takes, such as a WebSocket's closing handshake.
_AGAIN = 3.0


async def end(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Cancel tasks and wait until they have ended, whatever they raise.

    One cancellation may not do: Python 3.11's ``asyncio.wait_for``, by which nats-py awaits every reply, forgets it
    when the reply arrives in the same turn of the loop. A task that goes on for 3 s after it is cancelled again.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=_AGAIN)
        for task in done:
            if not task.cancelled():
                task.exception()  # seen: whoever needs it has asked the task


async def kept(
    work: Callable[[], Awaitable[None]], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Do work, and begin it again a second after an unforeseen error, which is logged and costs nothing else."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("unexpected; it begins again")
        await sleep(_PAUSE)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do work beside the block, and end it with the block.

    Not a task group: that cancels its tasks but once, and would wait for ever for one that has lost it.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end([task])
