"""What is told of trades that were lost on their way through the spool."""

from typing import Protocol

from metdc_collector.exchanges.history import Mark


class Losses(Protocol):
    """Is told what is lost, so that it becomes a gap."""

    def lost(self, instrument: str, first: Mark, last: Mark, count: int, run: int) -> None:
        """So many trades of an instrument (native name), the earliest and the latest of which are these, were given up.

        What has the same ``run`` follows without anything between that was kept.
        """
