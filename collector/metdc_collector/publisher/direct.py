"""Direct gets: messages of a stream by subject, without a consumer on the server."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client

from metdc_collector.publisher.acks import Answer

# The server's bound on the subjects of one request (nats-server 2.11 and later).
_MOST_SUBJECTS = 1024
# Its bound on messages of one request is 1,024 too.
_BATCH = 1000
_PATIENCE = 10.0
_END = ("204", "404")  # the last message was sent; there is none


class LookFailed(Exception):
    """The stream could not be asked; the text says why."""


class Looks:
    """Direct gets through one connection; their answers come by :class:`~metdc_collector.publisher.acks.FastParser`."""

    def __init__(self, *, inbox: str, api: str) -> None:
        self._inbox = inbox
        self._api = api
        self._numbers = itertools.count()
        self._open: dict[int, tuple[list[Answer], asyncio.Future[str]]] = {}

    def answer(self, number: int, answer: Answer) -> None:
        """Take one message of an answer."""
        if (look := self._open.get(number)) is None:
            return  # given up already
        found, ended = look
        if not answer.status:
            found.append(answer)
        elif not ended.done():
            ended.set_result("" if answer.status.startswith(_END) else f"status {answer.status}")

    def lost(self) -> None:
        """The connection is gone: nobody will answer any more."""
        for _, ended in self._open.values():
            if not ended.done():
                ended.set_result("the connection to NATS was lost")

    async def newest_of(self, client: Client, stream: str, subjects: Sequence[str]) -> list[Answer]:
        """Return the newest message of each subject, wildcards allowed, that has one.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        found: list[Answer] = []
        for start in range(0, len(subjects), _MOST_SUBJECTS):
            found += await self.get(client, stream, {"multi_last": list(subjects[start : start + _MOST_SUBJECTS])})
        return found

    async def since(
        self, client: Client, stream: str, subject: str, time: int, sequence: int = 0
    ) -> AsyncIterator[list[Answer]]:
        """Yield the messages of a subject, wildcards allowed, that were stored since ``time`` (ns), in batches.

        A ``sequence`` other than 0 stands in place of the time.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        request: dict[str, Any] = {"next_by_subj": subject, "batch": _BATCH}
        start = datetime.fromtimestamp(max(0, time) / 1e9, UTC).isoformat()
        first: dict[str, Any] = {"seq": sequence} if sequence else {"start_time": start}
        full = True
        while full:  # what is stored after a batch that isn't needs no look, and may come for ever
            answers = await self.get(client, stream, request | first)
            if answers:
                yield answers
                first = {"seq": int(answers[-1].sequence) + 1}
            full = len(answers) == _BATCH

    async def get(self, client: Client, stream: str, request: Mapping[str, Any]) -> list[Answer]:
        """Return the messages that answer a direct get, up to where the server says that there are no more.

        Raises:
            LookFailed: when the server doesn't answer, or refuses.
        """
        subject = f"{self._api}.DIRECT.GET.{stream}"
        number = next(self._numbers)
        found, ended = self._open[number] = [], asyncio.get_running_loop().create_future()
        try:
            await client.publish(subject, orjson.dumps(request), reply=f"{self._inbox}.look.{number}")
            problem = await asyncio.wait_for(ended, _PATIENCE)
        except (TimeoutError, OSError, nats.errors.Error) as error:
            raise LookFailed(f"{subject}: {str(error) or 'no answer'}") from error
        finally:
            del self._open[number]
        if problem:
            raise LookFailed(f"{subject}: {problem}")
        return found
