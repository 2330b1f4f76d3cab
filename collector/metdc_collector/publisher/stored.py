"""What the stream of trades holds."""

from collections.abc import AsyncIterator, Sequence

import orjson
from nats.aio.client import Client

from metdc_collector.continuity import Newest
from metdc_collector.publisher.acks import Answer
from metdc_collector.publisher.direct import Looks
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.trade import decode

# A message is stored after its trade happened, but the clocks of venue and server differ.
SKEW = 10_000_000_000


class Stored:
    """Looks at one stream."""

    def __init__(self, looks: Looks, client: Client, *, stream: str) -> None:
        self._looks = looks
        self._client = client
        self._stream = stream

    async def newest(self, subjects: Sequence[str]) -> dict[str, Newest]:
        """Return the newest stored trade of each subject that has one.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        # Another publisher's message proves nothing about ours.
        return {subject: newest for subject, (_, newest) in (await self.last(subjects)).items() if newest is not None}

    async def last(self, subjects: Sequence[str]) -> dict[str, tuple[int, Newest | None]]:
        """Return the last message of each subject that has one: its number in the stream, and the trade that it is.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        found: dict[str, tuple[int, Newest | None]] = {}
        for answer in await self._looks.newest_of(self._client, self._stream, subjects):
            try:
                trade = decode(answer.data)
            except InvalidMessage:
                found[answer.subject] = int(answer.sequence), None
            else:
                newest = Newest(trade.id, trade.time, trade.late, trade.seq)
                found[answer.subject] = int(answer.sequence), newest
        return found

    async def since(self, subject: str, time: int) -> dict[str, int]:
        """Return what may have been stored of a subject since ``time`` (ns): message ids, each with its trade's time.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        found: dict[str, int] = {}
        async for rows in self.rows(subject, time=time - SKEW):
            for row in rows:
                try:
                    found[row.message_id] = int(orjson.loads(row.data)["time"])
                except (ValueError, KeyError, TypeError):
                    continue  # another publisher's message proves nothing about ours
        return found

    async def rows(self, subjects: str, *, time: int, sequence: int = 0) -> AsyncIterator[list[Answer]]:
        """Yield what was stored of the subjects, wildcards allowed, since ``time`` (ns), up to a thousand at once.

        A ``sequence`` other than 0 stands in place of the time.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        async for rows in self._looks.since(self._client, self._stream, subjects, time, sequence):
            yield rows
