"""What the stream of trades holds."""

from collections.abc import Sequence

import orjson
from nats.aio.client import Client

from metdc_collector.continuity import Newest
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
        found: dict[str, Newest] = {}
        for answer in await self._looks.newest_of(self._client, self._stream, subjects):
            try:
                trade = decode(answer.data)
            except InvalidMessage:
                continue  # another publisher's message proves nothing about ours
            found[answer.subject] = Newest(trade.id, trade.time, trade.late, trade.seq)
        return found

    async def since(self, subject: str, time: int) -> dict[str, int]:
        """Return what may have been stored of a subject since ``time`` (ns): message ids, each with its trade's time.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        found: dict[str, int] = {}
        async for answers in self._looks.since(self._client, self._stream, subject, time - SKEW):
            for answer in answers:
                try:
                    found[answer.message_id] = int(orjson.loads(answer.data)["time"])
                except (ValueError, KeyError, TypeError):
                    continue  # another publisher's message proves nothing about ours
        return found
