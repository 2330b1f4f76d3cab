"""What is told of trades that were lost on their way through the spool."""

import logging
from typing import Protocol

from metdc_collector.exchanges.history import Mark

log = logging.getLogger(__name__)


class Losses(Protocol):
    """Is told what is lost, so that it becomes a gap."""

    def lost(self, instrument: str, first: Mark, last: Mark, count: int) -> None:
        """So many trades of an instrument (native name), the earliest and the latest of which are these, were given up.

        Between them there may be others that were not.
        """

    def torn(self, folder: str, since: int) -> None:
        """What a process that died had received after ``since`` (ns, 0: ever) and written last, is damaged."""


class Logged:
    """Writes losses to the log."""

    def lost(self, instrument: str, first: Mark, last: Mark, count: int) -> None:
        """Say what was given up; the spool says why."""
        log.info("spool: %d trades of %s from %s to %s are lost", count, instrument, first.id, last.id)

    def torn(self, folder: str, since: int) -> None:
        """Say which end is missing."""
        log.warning("spool: the end of %s is damaged, after what was received at %d", folder, since)
