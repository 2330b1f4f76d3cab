"""What every venue's adapter is: bytes in, trades and commands out; no socket, clock or randomness.

An adapter package has one file shape::

    exchanges/<venue>/
        __init__.py      SPOT and FUTURES: the venue's two markets as :class:`Venue` objects
        venue.py         the Venue: addresses, limits, timers, the instrument list's requests
        instruments.py   instrument list → instruments
        protocol.py      the conversation of one connection: subscribe, acks, errors, heartbeat
        trades.py        raw payload → trades; the docstrings show the payloads that are parsed
        history.py       REST replies → trades: what the venue still tells of the past

Upbit's has its notices, too: ``notices.py`` (list, body, socket), ``titles.py``, ``starts.py``.

Facts come from the venues' documents and from traffic; each adapter's docstrings name what is assumed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from metdc_collector.exchanges.manners import Headers, retry_after, stop
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

if TYPE_CHECKING:
    from metdc_collector.exchanges.history import Source

NONE_KNOWN: Mapping[str, Instrument] = {}
"""No instrument has been named before."""


class Kind(Enum):
    """What a frame was."""

    TRADE = "trade"
    CONTROL = "control"
    OTHER = "other"
    MALFORMED = "malformed"


KIND_TRADE = Kind.TRADE
"""For the path of each frame: an enum's member costs more to look up than a global."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` within ``seconds``."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What the venue allows.

    Attributes:
        symbols_per_connection: instruments that one connection may subscribe to.
        symbols_per_request: instruments that one subscribe frame may name.
        frames: frames that a client may send on one connection, heartbeats and pongs included.
        connects: new connections per client address, over all markets and processes.
        rest_weight: REST weight per client address.
        argument_bytes: text of all subscription arguments of one connection; null where only their number counts.
        refusing: close codes that tell of a broken limit or rule, so that a connection at once would be refused too.
    """

    symbols_per_connection: int
    symbols_per_request: int
    frames: Rate
    connects: Rate
    rest_weight: Rate
    argument_bytes: int | None = None
    refusing: frozenset[int] = frozenset({1008})


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a connection is kept and known to be alive; all in seconds.

    Attributes:
        heartbeat: interval at which the client sends :meth:`Protocol.heartbeat`; null where the venue pings instead.
        silence: a connection on which no frame of any sort came for so long is dead.
        acknowledge: a subscription that is not answered for so long has failed.
        life: the venue ends a connection at this age; null where it doesn't.
        greeting: the venue speaks first, and hears nothing before (:attr:`Parsed.greeting`).
    """

    heartbeat: float | None
    silence: float
    acknowledge: float = 10.0
    life: float | None = None
    greeting: bool = False


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base addresses without a trailing slash.

    ``web_socket`` is empty where the venue tells it anew for each connection (:attr:`Venue.handshake`).
    """

    rest: str
    web_socket: str


@dataclass(frozen=True, slots=True)
class Request:
    """One REST request, relative to the base address; ``weight`` counts against :attr:`Limits.rest_weight`.

    ``urgent`` goes before all that isn't: a live connection waits for it. ``keyed`` ones carry the venue's API key.
    ``unless`` is the ``ETag`` of what is known already: while it holds, the reply is 304 without a body.
    """

    path: str
    weight: int = 1
    method: str = "GET"
    urgent: bool = False
    keyed: bool = False
    unless: str | None = None


class Refusal(NamedTuple):
    """An instrument that cannot be collected, by its native name, and why in words."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """An instrument list as read.

    Attributes:
        instruments: those of this market, whatever their status, by native name.
        refused: rows that claim to belong to this market and cannot be used: damaged, or a subject that another holds.
    """

    instruments: Mapping[str, Instrument]
    refused: Sequence[Refusal] = ()


class InvalidReply(ValueError):
    """A REST reply is not what was asked for; the text says what it is instead, in words for an operator."""


class InvalidListing(InvalidReply):
    """The reply is no instrument list."""


class Command(NamedTuple):
    """A frame to send, and the instruments that it asks for; ``request`` is what its answer will echo."""

    frame: str
    request: int
    names: tuple[str, ...] = ()


class Ending(Enum):
    """Why a connection should be left."""

    PLANNED = "planned"  # announced by the venue: open the next one first
    FAULT = "fault"
    REFUSED = "refused"  # a limit was broken, or a token is not accepted


@dataclass(slots=True)
class Parsed:
    """What one frame held.

    Attributes:
        kind: what the frame was; ``MALFORMED`` also when single rows were damaged; the healthy ones are in ``trades``.
        trades: in the order in which they happened, oldest first.
        replayed: the trades may have been sent before (a snapshot after subscribing), to this or another connection.
        acknowledged: instruments whose subscription the venue has confirmed.
        refused: instruments whose subscription the venue has refused.
        skipped: (instrument, id) that the venue used up without a trade, so that its ids stay consecutive.
        out_of_scope: native names of trade rows that belong to no wanted instrument, one a row.
        ending: the venue wants this connection to end.
        greeting: the venue has greeted: now it listens.
        commands: frames to send in consequence of this one, such as a subscription in smaller parts.
        reason: for ``MALFORMED``, ``refused`` and ``ending``: why, in words.
    """

    kind: Kind
    trades: Sequence[Trade] = ()
    replayed: bool = False
    acknowledged: Sequence[str] = ()
    refused: Sequence[Refusal] = ()
    skipped: Sequence[tuple[Instrument, str]] = ()
    out_of_scope: Sequence[str] = ()
    ending: Ending | None = None
    greeting: bool = False
    commands: Sequence[Command] = ()
    reason: str = ""


class Conversation(Protocol):
    """The protocol of one connection. It holds its subscriptions and its outstanding requests, and nothing else."""

    def path(self) -> str:
        """What follows the base address: ``/stream``."""

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """Frames that subscribe to these instruments, within the venue's limit a request; ``now`` in ns."""

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """Frames that end these subscriptions; ``now`` in ns."""

    def heartbeat(self, now: int) -> str:
        """The frame that keeps the connection at ``now`` (ns); sent every :attr:`Rhythm.heartbeat` seconds."""

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame that was read at ``received`` (ns since the epoch). Never raises, whatever the bytes."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A feed of trades that a market offers; the first of :attr:`Venue.channels` is wanted, the rest are fallbacks.

    Attributes:
        name: ``trade``, ``aggTrade``.
        consecutive: the ordering numbers (``seq``) are consecutive per instrument, so that a hole shows.
        argument: what stands in a subscription for one instrument, ``{}`` for its name; counts against
            :attr:`Limits.argument_bytes`.
        aggregates: it joins fills, and the ordering numbers count what it sends.
        snapshot: a subscription is answered with as many trades as REST would give.
    """

    name: str
    consecutive: bool
    argument: str = "{}"
    aggregates: bool = False
    snapshot: bool = False


class Handshake(Protocol):
    """How the WebSocket address of a new connection is asked for, where it is another each time."""

    @property
    def request(self) -> Request:
        """The REST request whose reply names it."""

    def address(self, body: bytes, connection: int) -> str:
        """Return the whole address for a connection of this number.

        Raises:
            InvalidReply: when the body names none.
        """


class Venue(Protocol):
    """One market of one exchange."""

    @property
    def exchange(self) -> str:
        """``binance``."""

    @property
    def market(self) -> str:
        """``spot`` or ``futures``."""

    @property
    def endpoints(self) -> Endpoints:
        """The venue's own addresses."""

    @property
    def limits(self) -> Limits:
        """What the venue allows."""

    @property
    def rhythm(self) -> Rhythm:
        """How its connections are kept."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Its feeds of trades, the wanted one first."""

    @property
    def default_quotes(self) -> tuple[str, ...]:
        """Quote coins that are collected where ``spec.symbols`` names none."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What REST requests and WebSocket handshakes carry beside the usual."""

    @property
    def handshake(self) -> Handshake | None:
        """How the address of each new connection is asked for; null where it is :attr:`endpoints`'."""

    def listing_request(self) -> Request:
        """The REST request that gives the instrument list, or its first page."""

    def next_page(self, body: bytes) -> Request | None:
        """The request for the page that follows this one; null after the last, and where a list has no pages."""

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """For how many seconds a refused request or handshake orders all to stop; null where it doesn't.

        ``headers`` have names in lower case; ``now`` is the Unix time in seconds.
        """

    def left(self, headers: Headers) -> int | None:
        """What a reply says is left of :attr:`Limits.rest_weight` for this address; null where it doesn't say."""

    @property
    def sources(self) -> "tuple[Source, ...]":
        """Where its past trades can be had, in the order in which they are asked; the first gives the newest rows."""

    @property
    def key_header(self) -> str | None:
        """The header that carries the API key of a :attr:`Request.keyed`; null where nothing wants a key."""

    @property
    def ahead(self) -> bool:
        """Whether an instrument can be subscribed to before it trades."""

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        """Read an instrument list; those that are ``known``, by native name, keep base and unit factor.

        Raises:
            InvalidListing: when a page is something else; the message fits an operator's eyes.
        """

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> Conversation:
        """Start the protocol of a new connection; ``instruments`` (native name → instrument) may grow while it runs."""

    def guess(self, name: str) -> Instrument | None:
        """The instrument as far as its native name tells, for frames without an instrument list; null if it doesn't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFacts:
    """What a :class:`Venue` tells in plain data; a venue's own class adds its requests and its conversation."""

    exchange: str
    market: str
    endpoints: Endpoints
    limits: Limits
    rhythm: Rhythm
    channels: tuple[Channel, ...]
    default_quotes: tuple[str, ...] = ("USDT",)
    headers: Mapping[str, str] = field(default_factory=dict)
    handshake: Handshake | None = None
    sources: "tuple[Source, ...]" = ()
    key_header: str | None = None
    ahead: bool = False

    def next_page(self, body: bytes) -> Request | None:
        """Nothing: the list comes in one body."""
        return None

    def pause(self, status: int, headers: Headers, body: bytes, now: float) -> float | None:
        """429 and 418, for as long as ``Retry-After`` says."""
        return stop(status, retry_after(headers), self.limits.rest_weight.seconds)

    def left(self, headers: Headers) -> int | None:
        """Nothing: the venue doesn't say."""
        return None


@dataclass(slots=True)
class Ordinals:
    """Numbers the equal rows of one instrument, for venues that send no trade id.

    A row's number is how often an equal row came before on this connection, so that two connections, and a snapshot,
    give the same row the same number. A snapshot starts anew. Only rows within ``span`` ns of the row at hand are
    remembered: equal rows carry the same time, so others cannot come again but in another snapshot. The span is taken
    both ways, so that a single row from the far future doesn't end the forgetting.
    """

    span: int = 10_000_000_000
    _seen: dict[tuple[int, str], int] = field(default_factory=dict)
    _swept: int = 0

    def reset(self) -> None:
        """Forget all: a snapshot follows."""
        self._seen.clear()
        self._swept = 0

    def next(self, time: int, key: str) -> int:
        """Return the number of this row: 0 for the first with this time (ns) and key, 1 for the next, and so on."""
        if not -self.span <= time - self._swept <= self.span:
            self._sweep(time)
        row = (time, key)
        number = self._seen.get(row, 0)
        self._seen[row] = number + 1
        return number

    def _sweep(self, time: int) -> None:
        span = self.span
        self._seen = {row: count for row, count in self._seen.items() if -span <= row[0] - time <= span}
        self._swept = time
