"""The path to the stream, as those see it who look after holes."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from metdc_collector.continuity import Jump, Shown
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.history import Mark
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade


class Stream(Protocol):
    """What the path to the stream tells of holes, and takes to close them."""

    @property
    def usable(self) -> bool:
        """Whether the stream can be asked."""

    @property
    def full(self) -> bool:
        """Whether to add nothing for now."""

    def news(self) -> tuple[Sequence[tuple[Blind, Mark | None]], Sequence[Jump]]:
        """Take what has been noticed since the last call; with a time nobody listened, the trade before it."""

    def newest(self, name: str) -> Mark | None:
        """The newest trade of an instrument that was accepted."""

    def heard(self, name: str) -> Mark | None:
        """The newest trade of an instrument that was received, also one that waits for its predecessor."""

    def waits(self, name: str) -> bool:
        """Whether trades of an instrument have been received and wait for their predecessor."""

    def waiting(self) -> Mapping[str, int]:
        """The instruments of which that is so, and since when (ns)."""

    def shown(self, name: str) -> Shown | None:
        """The last snapshot of an instrument that was let in; null while there is none, or one waits."""

    def stored_before(self, name: str) -> Mark | None:
        """What the stream held of an instrument before this process added anything, as far as it was looked for."""

    def covered(self) -> frozenset[str]:
        """What this process listens to, or has listened to until lately."""

    def uncovered(self) -> Mapping[str, int | None]:
        """What nobody listens to now, and since when."""

    async def prime(self, instruments: Sequence[Instrument]) -> bool:
        """Look at what the stream holds of each instrument that nothing was received of yet; whether it could be."""

    async def settled(self) -> None:
        """Return when all that was accepted before is acknowledged, or can't be for now."""

    async def held_of(self, instrument: Instrument, time: int) -> Mapping[str, int] | None:
        """The message ids that may have been stored of an instrument since ``time``; null when that can't be told."""

    async def restore(self, trades: Sequence[Trade], known: int, newest: int | None = None) -> None:
        """Publish back-filled trades of one instrument, without which the stream was at ``known`` (ns).

        ``newest`` is the time (ns) of the newest trade that it held of the instrument then, by whomever.
        """
