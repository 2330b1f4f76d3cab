"""What is new: from notices and market lists, in whatever order they come, to one listing a coin. Pure.

A coin is new when a notice that nobody has read names it, or one that was edited and didn't name it before. Notices of
before the very first look, and those that were read, say nothing new. A coin that enters the market list is new too: it
waits for a look at the notices, so that its event can say when it was announced, but not for longer than a minute.

What was told is told no more, in this process: that nobody else has told it either is the stream's own business.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from metdc_collector.exchanges.upbit import SPOT
from metdc_collector.exchanges.upbit.notices import Notice, Page
from metdc_collector.exchanges.upbit.titles import read_title
from metdc_collector.listings.memory import Memory, Seen, Unread
from metdc_collector.wire.listing import Listing, Source

QUOTE = "KRW"
MARKET = "krw"
PREFIX = f"{QUOTE}-"
PATIENCE = 60_000_000_000
"""How long a coin that has entered the market list waits for a look at the notices, in ns, unless told otherwise."""

_LOOKS = 3
"""Of so many looks, one is taken for the very first though its page did not come whole."""


@dataclass(frozen=True, slots=True)
class Found:
    """A listing that is to be told.

    Attributes:
        listing: the event, but for the start of trading.
        notice: where the start of trading may be read; null where there is no notice.
        others: the further coins of that notice, by ticker.
    """

    listing: Listing
    notice: Notice | None = None
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class News:
    """Says of each coin once that it is listed.

    Attributes:
        memory: what outlives the process; :meth:`kept` gives what may be kept of it by now.
        told: the coins that need no telling, by ticker.
        waiting: coins that have entered the market list, and since when (ns).
        patience: how long a coin waits for a look at the notices, in ns.
        incomplete: how many pages did not come whole before the very first look.
        changed: whether the memory differs from what was kept last; whoever keeps it sets it back.
    """

    memory: Memory
    told: set[str] = field(default_factory=set)
    waiting: dict[str, int] = field(default_factory=dict)
    patience: int = PATIENCE
    incomplete: int = 0
    changed: bool = False

    def read(self, page: Page, now: int) -> list[Found]:
        """Return what a page of the notices, received at this time (ns), has of news."""
        if self.memory.floor is None:
            self.incomplete += not page.whole
            if not page.whole and self.incomplete < _LOOKS:
                return []  # what it hides would be news to the next look
            self._begin([*page.notices, *page.pinned])
        found = [one for notice in (*page.notices, *page.pinned) for one in self._look(notice, now)]
        for row in page.damaged:
            self._note(Unread(now, None, row, "the row is damaged"))
        return found

    def unannounced(self, asked: int) -> list[Found]:
        """Return those for which no notice has come: all that were published by this time (ns) have been read."""
        return [self._by_market(ticker, since) for ticker, since in list(self.waiting.items()) if since <= asked]

    def overdue(self, now: int) -> list[Found]:
        """Return those that have waited in vain for a look at the notices."""
        return self.unannounced(now - self.patience)

    def goes_on(self, page: Page) -> bool:
        """Whether the next page may hold news, too: it does where no row of this one is known."""
        return bool(page.notices) and not any(self._known(notice) for notice in page.notices)

    def hear(self, notice: Notice, now: int) -> list[Found]:
        """Return what a notice that has just been published has of news."""
        return self._tell(notice, self._coins(notice, now), "socket", now)

    def enter(self, tickers: Collection[str], now: int) -> None:
        """Take the coins of the KRW market as they are at this time (ns)."""
        before = self.memory.markets
        entered = set() if before is None else set(tickers) - before
        if before is None or entered:
            self.memory.markets = frozenset(tickers) | (before or frozenset())
            self.changed = True
        for ticker in sorted(entered - self.told):
            self.waiting.setdefault(ticker, now)

    def kept(self) -> Memory:
        """Return what may be kept: a coin that still waits has not been seen, should the process end."""
        memory = self.memory
        markets = None if memory.markets is None else memory.markets - self.waiting.keys()
        return Memory(memory.floor, memory.seen, markets, memory.unread, memory.not_understood)

    # -- notices

    def _begin(self, notices: Iterable[Notice]) -> None:
        """Take what is there at the very first look for old."""
        self.memory.raise_floor(0, 0)
        for notice in notices:
            self.memory.raise_floor(notice.number, notice.announced)
        self.changed = True

    def _known(self, notice: Notice) -> bool:
        before = self.memory.seen.get(notice.number)
        if before is None:
            return self.memory.is_old(notice.number, notice.announced)
        return before.listed == notice.listed

    def _look(self, notice: Notice, now: int) -> list[Found]:
        before = self.memory.seen.get(notice.number)
        if before is not None and before.listed == notice.listed:
            return []
        old = before is None and self.memory.is_old(notice.number, notice.announced)
        coins = read_title(notice.title).krw if old else self._coins(notice, now)
        known = before.coins if before is not None else ()
        seen = Seen(notice.listed, notice.announced, tuple(dict.fromkeys((*known, *coins))))
        self.memory.remember(notice.number, seen)
        self.changed = True
        return [] if old else self._tell(notice, [coin for coin in coins if coin not in known], "announcements", now)

    def _coins(self, notice: Notice, now: int) -> Sequence[str]:
        verdict = read_title(notice.title)
        if verdict.doubt is not None:
            self._note(Unread(now, str(notice.number), notice.title, verdict.doubt))
        return verdict.krw

    def _note(self, unread: Unread) -> None:
        self.changed = self.memory.note(unread) or self.changed

    # -- listings

    def _tell(self, notice: Notice, tickers: Sequence[str], source: Source, now: int) -> list[Found]:
        found: list[Found] = []
        for ticker in tickers:
            since = self.waiting.pop(ticker, None)
            if ticker not in self.told:
                self.told.add(ticker)
                first: Source = source if since is None else "markets"
                listing = _listing(ticker, first, now if since is None else since, notice)
                found.append(Found(listing, notice, tuple(other for other in tickers if other != ticker)))
        return found

    def _by_market(self, ticker: str, since: int) -> Found:
        """A coin of which no new notice tells; an old one may have."""
        del self.waiting[ticker]
        self.told.add(ticker)
        self.changed = True
        old = [
            Notice(number, "", seen.announced, seen.listed)
            for number, seen in self.memory.seen.items()
            if ticker in seen.coins
        ]
        return Found(_listing(ticker, "markets", since, max(old, key=lambda one: one.number, default=None)))


def _listing(ticker: str, source: Source, first_seen: int, notice: Notice | None) -> Listing:
    instrument = SPOT.guess(PREFIX + ticker)
    assert instrument is not None, "a ticker without a dash makes a pair"
    return Listing(
        exchange=SPOT.exchange,
        market=MARKET,
        base=instrument.base,
        quote=QUOTE,
        instrument=instrument.name,
        source=source,
        first_seen=first_seen,
        announced=None if notice is None else notice.announced,
        notice=None if notice is None else str(notice.number),
        title=(notice.title or None) if notice is not None else None,
        url=None if notice is None else notice.url,
    )
