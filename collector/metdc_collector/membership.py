"""Which instruments a market's collector streams: chosen at the start, and again while it runs.

Where ``spec.symbols.upbitKRW`` asks for it, Upbit's KRW market has its say (:mod:`metdc_collector.krw`).

A list that fails, is empty or has shrunk by more than a fifth unsubscribes nothing. The last good one is kept in
:mod:`metdc_collector.catalogue`, so that names hold and a start needs no REST.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from metdc_collector.catalogue import Catalogue, CatalogueFailed, Kept
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import InvalidListing, Listing, Refusal, Venue
from metdc_collector.krw import KrwMarket, KrwUnknown, krw_market, pause
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.rest import Rest, RestError
from metdc_collector.settings import Settings
from metdc_collector.universe import (
    AUTHORITY,
    KEEP,
    Chosen,
    Selection,
    changed,
    nothing_to_collect,
    select,
    share,
    shrunk,
)
from metdc_collector.wire.instrument import Instrument

log = logging.getLogger(__name__)
# In a venue's answer; another one does not make another problem of it.
_TIME = re.compile(r"[0-9]{10,}")
_TICK = 0.05
# Names that hold are worth a short wait; trades are worth more.
_WAIT_FOR_NATS = 5.0


@dataclass(slots=True, eq=False)
class Membership:
    """Chooses instruments for one market.

    Attributes:
        usable: whether NATS can be asked.
        shard, shards: which part of what is selected is wanted here.
        krw: Upbit's KRW market; null where the selection does not ask for it.
        refused: instruments that are wanted and cannot be had, as of the newest list.
        listed_at: when the list in use was given by the venue (ns), null before the first.
        problem: why nothing can be collected, in words; null when something can.
    """

    venue: Venue
    selection: Selection
    rest: Rest
    catalogue: Catalogue
    clock: Clock
    timers: Timers
    usable: Callable[[], bool]
    shard: int = 0
    shards: int = 1
    krw: KrwMarket | None = None
    refused: Sequence[Refusal] = ()
    listed_at: int | None = None
    problem: str | None = "the instrument list has not been read yet"
    _known: Mapping[str, Instrument] = field(default_factory=dict)
    _kept: Kept | None = None
    _wanted: frozenset[str] = frozenset()
    _said: str | None = None

    async def choose(self) -> Chosen:
        """Return what to stream, as soon as a list, or the one that was kept, holds something."""
        await self._load(_WAIT_FOR_NATS)
        while True:
            wait = self.timers.listing_retry
            try:
                if self.krw is not None:
                    await self.krw.refresh()
                listing = await self._list()
            except KrwUnknown as unknown:
                wait = max(wait, unknown.wait)
                self._say(str(unknown))
            except (RestError, InvalidListing) as error:
                wait = max(wait, pause(error, self.timers))
                self._say(_words(error))
                if self._kept is not None and (chosen := self._from_kept(self._kept)) is not None:
                    return chosen
            else:
                chosen = self._choose(listing)
                if chosen.wanted:
                    return self._take(chosen, listing, self.clock.now())
                self._say(nothing_to_collect(chosen))
            await asyncio.sleep(wait)

    async def refresh(self, take: Callable[[Mapping[str, Instrument]], None]) -> None:
        """Read the list again and again, and hand over what is wanted then, until cancelled."""
        wait = 0.0
        while True:
            await self._keep()
            await asyncio.sleep(max(wait, self.timers.refresh))
            wait = 0.0
            try:
                if self.krw is not None:
                    await self.krw.refresh()
                listing = await self._list()
                chosen = self._choose(listing)
                if chosen.wanted:
                    self._warn(None)
                    take(self._take(chosen, listing, self.clock.now()).wanted)
                else:
                    self._warn(nothing_to_collect(chosen))
            except (RestError, InvalidListing) as error:
                wait = pause(error, self.timers)
                self._warn(_words(error))
            except Exception as error:  # whatever a list brings on, the trades that flow must go on flowing
                self._warn(f"instrument list: unexpected {error!r}")

    # -- lists

    async def _list(self) -> Listing:
        """Return the venue's list, if it is to be believed.

        Raises:
            RestError, InvalidListing: when it isn't.
        """
        listing = await self.rest.listing(self.venue, self._known)
        recent = self.listed_at is not None and self.clock.now() - self.listed_at < AUTHORITY
        if recent and (problem := shrunk(self._known.values(), listing.instruments.values())) is not None:
            raise InvalidListing(f"{problem}: it is not believed for an hour")
        return listing

    def _choose(self, listing: Listing) -> Chosen:
        krw = self.krw.counted(self.selection.upbit_krw) if self.krw is not None else None
        selected = select(listing, self.selection, ahead=self.venue.ahead, krw=krw or frozenset())
        chosen = share(selected, self.shard, self.shards)
        before = {refusal.name for refusal in self.refused}
        self.refused = chosen.refused
        for refusal in chosen.refused:
            if refusal.name not in before:
                log.warning("%s is refused: %s", refusal.name, refusal.reason)
        return chosen

    def _from_kept(self, kept: Kept) -> Chosen | None:
        listing = Listing(kept.instruments)
        chosen = self._choose(listing)
        if not chosen.wanted:
            return None
        age = (self.clock.now() - kept.at) // 1_000_000_000
        log.warning("streaming by the instrument list of %d s ago, until the venue gives another", age)
        return self._take(chosen, listing, kept.at)

    def _take(self, chosen: Chosen, listing: Listing, at: int) -> Chosen:
        self._known, self.listed_at, self.problem = listing.instruments, at, None
        self._wanted |= chosen.wanted.keys()
        return chosen

    # -- what is kept

    async def _load(self, patience: float) -> None:
        """Learn the names that were published before, if NATS can be asked in time."""
        end = self.clock.now() + int(patience * 1e9)
        while not self.usable() and self.clock.now() < end:  # noqa: ASYNC110 - it comes by several ways
            await asyncio.sleep(_TICK)
        if not self.usable():
            return
        try:
            self._kept = await self.catalogue.load()
        except CatalogueFailed as error:
            log.info("no instrument list was kept: %s", error)
        if self._kept is not None:
            self._known, self.listed_at = self._kept.instruments, self._kept.at
            self._wanted = await self._wanted_before(Listing(self._known))

    async def _wanted_before(self, listing: Listing) -> frozenset[str]:
        """Return the names whose vanishing is to be told; none where nobody knows by which coins they were chosen."""
        if self.krw is not None:
            await self.krw.load()
            if self.krw.counted(self.selection.upbit_krw) is None:
                return frozenset()
        return frozenset(self._choose(listing).wanted)

    async def _keep(self) -> None:
        """Tell what has changed since the list that was kept, then keep this one."""
        if not self.usable() or self.listed_at is None:
            return
        before = {} if self._kept is None else self._kept.instruments
        news = changed(before, self._known, self._wanted)
        recent = self._kept is not None and self.listed_at - self._kept.at < KEEP
        if recent and not news:
            return
        kept = Kept(self.listed_at, {name: one for name, one in self._known.items() if one.status != "delisted"})
        try:
            await self.catalogue.announce(news)
            await self.catalogue.keep(kept)
            self._kept = Kept(self.listed_at, self._known)
        except Exception as error:  # a list that can't be kept must not cost a trade either
            reason = str(error) if isinstance(error, CatalogueFailed) else repr(error)
            log.info("the instrument list is not kept: %s; it is tried again", reason)

    # -- words

    def _say(self, problem: str) -> None:
        if _is_news(problem, self.problem):
            log.error("%s; the attempts go on", problem)
        self.problem = problem

    def _warn(self, problem: str | None) -> None:
        if problem is not None and _is_news(problem, self._said):
            log.warning("%s; what is streamed stays as it is", problem)
        self._said = problem


def _is_news(problem: str, before: str | None) -> bool:
    return _TIME.sub("", problem) != _TIME.sub("", before or "")


def _words(error: RestError | InvalidListing) -> str:
    return f"instrument list: {error}" if isinstance(error, InvalidListing) else str(error)


def membership(
    settings: Settings,
    publisher: Publisher,
    rest: Rest,
    clock: Clock,
    timers: Timers,
    *,
    tls: ssl.SSLContext | None,
) -> Membership:
    """Return what chooses instruments as these settings have it, with the catalogue in NATS that it keeps."""
    venue, stream = settings.venue, settings.stream

    def usable() -> bool:
        return publisher.usable

    catalogue = Catalogue(
        publisher.link,
        exchange=venue.exchange,
        market=venue.market,
        replicas=stream.replicas,
        create=stream.management == "Ensure",
    )
    return Membership(
        venue=venue,
        selection=settings.selection,
        rest=rest,
        catalogue=catalogue,
        clock=clock,
        timers=timers,
        usable=usable,
        shard=settings.config.shard,
        shards=settings.config.shards,
        krw=krw_market(settings, rest, catalogue, clock=clock, timers=timers, usable=usable, tls=tls),
    )
