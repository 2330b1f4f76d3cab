"""Upbit's KRW market, by which ``spec.symbols.upbitKRW`` chooses: asked for over REST, and kept for all collectors.

Where Upbit doesn't answer, or lies, the last good list holds: this process's, or the one in the bucket. What a coin's
coming and going means is decided in :mod:`metdc_collector.universe`.
"""

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from metdc_collector.catalogue import Catalogue, CatalogueFailed
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import InvalidListing, Venue
from metdc_collector.exchanges.registry import venue
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from metdc_collector.settings import Settings
from metdc_collector.universe import AUTHORITY, KEEP, Krw, UpbitKRW, counted, krw_coins, krw_shrunk, merged, renewed

log = logging.getLogger(__name__)


class KrwUnknown(Exception):
    """There is no list of Upbit's KRW market, not even an old one; the text names Upbit and says why.

    Attributes:
        wait: seconds until Upbit may be asked again; 0 where it asks for no pause.
    """

    def __init__(self, message: str, *, wait: float) -> None:
        self.wait = wait
        super().__init__(message)


@dataclass(slots=True, eq=False)
class KrwMarket:
    """Knows which coins count as listed in Upbit's KRW market.

    Attributes:
        upbit: the adapter of Upbit's spot market; ``rest`` reaches it.
        usable: whether NATS can be asked.
    """

    upbit: Venue
    rest: Rest
    catalogue: Catalogue
    clock: Clock
    timers: Timers
    usable: Callable[[], bool]
    _known: Krw | None = None
    _kept: Krw | None = None
    _seen: frozenset[str] = frozenset()
    _problem: str | None = None
    _said: str | None = None
    _not_before: int = 0
    _unkept: bool = False

    async def refresh(self) -> None:
        """Ask Upbit, unless it wants a pause; a list that fails, is empty or has shrunk changes nothing.

        Raises:
            KrwUnknown: when there is no earlier list to go by either.
        """
        await self.load()
        now = self.clock.now()
        if now >= self._not_before:
            try:
                self._known = renewed(self._known, await self._read(), self.clock.now())
            except (RestError, InvalidListing) as error:
                self._not_before = now + int(pause(error, self.timers) * 1e9)
                self._problem = _words(error)
            else:
                self._problem = None
                await self._keep(self._known)
        if self._known is None:
            wait = max(0.0, (self._not_before - now) / 1e9)
            raise KrwUnknown(f"{self._problem}; without it upbitKRW decides nothing", wait=wait)
        self._seen |= self._known.coins
        self._warn(self._known.at)

    async def load(self) -> None:
        """Learn what any collector kept, if NATS can be asked."""
        if not self.usable():
            return
        try:
            self._kept = await self.catalogue.load_krw()
        except CatalogueFailed as error:
            log.debug("%s", error)  # before anybody's first list there is no bucket
        else:
            self._known = merged(self._known, self._kept)

    def counted(self, upbit_krw: UpbitKRW) -> frozenset[str] | None:
        """Return the coins that count as listed there now; null while there is no list."""
        return None if self._known is None else counted(self._known, upbit_krw, self._seen, self.clock.now())

    async def _read(self) -> frozenset[str]:
        """Return the coins of Upbit's list, if it is to be believed.

        Raises:
            RestError, InvalidListing: when it isn't.
        """
        coins = krw_coins(await self.rest.listing(self.upbit))
        known = self._known
        if known is not None and self.clock.now() - known.at < AUTHORITY and (less := krw_shrunk(known, coins)):
            raise InvalidListing(f"{less}: it is not believed for an hour")
        return coins

    async def _keep(self, known: Krw) -> None:
        kept = self._kept
        same = kept is not None and (kept.coins, kept.until) == (known.coins, known.until)
        if not self.usable() or (same and kept is not None and known.at - kept.at < KEEP):
            return
        try:
            await self.catalogue.keep_krw(known)
        except CatalogueFailed as error:
            if not self._unkept:
                log.info("the list of Upbit's KRW market is not kept: %s; the attempts go on", error)
            self._unkept = True
        else:
            self._unkept = False

    def _warn(self, at: int) -> None:
        if self._problem is not None and self._problem != self._said:
            log.warning("%s; the list of %d s ago holds", self._problem, (self.clock.now() - at) // 1_000_000_000)
        self._said = self._problem


def krw_market(
    settings: Settings,
    own: Rest,
    catalogue: Catalogue,
    *,
    clock: Clock,
    timers: Timers,
    usable: Callable[[], bool],
    tls: ssl.SSLContext | None,
) -> KrwMarket | None:
    """Return the market, where the selection asks for it; an Upbit collector takes its ``own`` client and budget."""
    if settings.krw_rest is None:
        return None
    upbit = venue("upbit", "spot")
    weight = Budget(upbit.limits.rest_weight, share=settings.limit_share, monotonic=lambda: clock.now() / 1e9)
    rest = own if settings.venue is upbit else Rest(settings.krw_rest, venue=upbit, weight=weight, tls=tls)
    return KrwMarket(upbit=upbit, rest=rest, catalogue=catalogue, clock=clock, timers=timers, usable=usable)


def pause(error: RestError | InvalidListing, timers: Timers) -> float:
    """Return for how many seconds a venue that gave this in place of a list is to be left alone; 0 for no time."""
    if isinstance(error, InvalidListing):
        return 0.0
    return max(error.retry_after or 0.0, timers.region_block if error.region else 0.0)


def _words(error: RestError | InvalidListing) -> str:
    # The client's remedy is the venue's own field; Upbit's address is set elsewhere.
    return f"Upbit's KRW market: {error}".replace("spec.endpoints", "METDC_UPBIT_REST")
