"""What the stream of trades holds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from nats.aio.client import Client

from metdc_collector.continuity import Newest
from metdc_collector.publisher.direct import direct_get, header, newest_of
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.trade import decode

# The server's bound on messages of one request is 1,024 (nats-server 2.11 and later).
_BATCH = 1000
# A message is stored after its trade happened, but the clocks of venue and server differ.
SKEW = 10_000_000_000


class Stored:
    """Looks at one stream."""

    def __init__(self, client: Client, *, stream: str, api: str = "$JS.API") -> None:
        self._client = client
        self._stream = stream
        self._api = api

    async def newest(self, subjects: Sequence[str]) -> dict[str, Newest]:
        """Return the newest stored trade of each subject that has one.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        found: dict[str, Newest] = {}
        for message in await newest_of(self._client, self._stream, subjects, api=self._api):
            try:
                trade = decode(message.data)
            except InvalidMessage:
                continue  # another publisher's message proves nothing about ours
            found[header(message, "Nats-Subject")] = Newest(trade.id, trade.time, trade.late)
        return found

    async def since(self, subject: str, time: int) -> dict[str, int]:
        """Return what may have been stored of a subject since ``time`` (ns): message ids, each with its trade's time.

        Raises:
            LookFailed: when the server doesn't answer.
        """
        start = datetime.fromtimestamp(max(0, time - SKEW) / 1e9, UTC).isoformat()
        request: dict[str, Any] = {"next_by_subj": subject, "start_time": start, "batch": _BATCH}
        found: dict[str, int] = {}
        while messages := await direct_get(self._client, self._stream, request, api=self._api):
            for message in messages:
                try:
                    found[header(message, "Nats-Msg-Id")] = int(orjson.loads(message.data)["time"])
                except (ValueError, KeyError, TypeError):
                    continue  # another publisher's message proves nothing about ours
            last = int(header(messages[-1], "Nats-Sequence"))
            request = {"next_by_subj": subject, "seq": last + 1, "batch": _BATCH}
        return found
