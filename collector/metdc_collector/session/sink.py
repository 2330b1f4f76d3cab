"""Where the trades of a market's connections go."""

from collections.abc import Collection, Sequence
from typing import Protocol

from metdc_collector.exchanges.base import Parsed
from metdc_collector.wire.instrument import Instrument


class Sink(Protocol):
    """Where a connection's trades go."""

    @property
    def full(self) -> bool:
        """Whether to stop reading."""

    def join(self, connection: int, instruments: Sequence[Instrument]) -> None:
        """A connection starts to stream these instruments."""

    def cover(self, connection: int, names: Collection[str]) -> None:
        """The venue has acknowledged these instruments, or sends them: what is traded from now on will come."""

    def drop(self, names: Collection[str]) -> None:
        """These instruments are wanted no longer."""

    def leave(self, connection: int, proof: int) -> None:
        """A connection has ended; whatever the venue sent before ``proof`` (ns), its last sign of life, has come."""

    def receive(self, connection: int, parsed: Parsed, known: int) -> None:
        """A frame with trades, or with ids that were used up without one; or the live trades of several in one read.

        They cannot have reached this machine before ``known`` (ns), but may have waited here since.
        """

    def unread(self, names: Collection[str], since: int) -> None:
        """A frame that came after ``since`` (ns) could not be read, and its text names these instruments."""
