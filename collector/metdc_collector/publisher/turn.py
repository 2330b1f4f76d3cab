"""One instrument's trades stored one after the other beside a process that stores the same instrument's.

Between a look at the stream and a write the other may store a newer trade, which then had to be marked ``late`` on
ours: JetStream itself must compare the two (``Nats-Expected-Last-Subject-Sequence``).
"""

import logging

from metdc_collector.continuity import Newest, is_overtaken
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.publisher.stored import Stored
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)


class Turn:
    """Stores trades of one instrument, each behind the message that was looked at."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._last: int | None = None

    @property
    def possible(self) -> bool:
        """Whether NATS takes trades, and nothing is spooled that they would pass by."""
        overflow = self._publisher.overflow
        return self._publisher.usable and not (overflow is not None and overflow.busy)

    async def store(self, trade: Trade) -> tuple[Trade | None, Newest | None]:
        """Store a trade that nothing newer has preceded.

        Returns what is left to be published as usual, and the newer trade that has come before it, if one has:
        nothing and null once it is stored; the trade, marked ``late``, and that newer one; the trade as it is, and
        null, where the server does not say: it may be stored, or not.
        """
        looks = self._publisher.looks
        assert looks is not None, "usable means that there is a stream to look at"
        try:
            while True:
                if self._last is None:
                    self._last, overtaker = await self._look(looks, trade)
                    if overtaker is not None:
                        return trade._replace(late=True), overtaker
                self._last = await self._publisher.store_behind(trade, self._last)
                if self._last is not None:
                    return None, None
        except LookFailed as error:
            log.debug("in turn: %s", error)
            self._last = None
            return trade, None

    async def _look(self, looks: Stored, trade: Trade) -> tuple[int, Newest | None]:
        """Return the number of the last message, 0 for none, and what is stored that is newer than the trade."""
        subject = trade.instrument.subject
        number, newest = (await looks.last([subject])).get(subject, (0, None))
        if newest is None:
            return number, None
        if newest.late:  # what it was late behind lies before it
            times = (await looks.since(subject, trade.time)).values()
            newest = Newest("", max((newest.time, *times)), late=False)
        return number, newest if is_overtaken(trade, newest) else None
