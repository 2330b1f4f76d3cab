"""The shape of a venue: its frames (`Wire`), what one port answers (`Endpoint`), how one socket talks (`Dialogue`)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from tests.simulator.core.model import Instrument, Trade

if TYPE_CHECKING:
    from tests.simulator.core.market import Market
    from tests.simulator.core.socket import Socket


_NUMBER = re.compile(r'"\\u0000([0-9.-]+)\\u0000"')


def compact(value: object) -> str:
    """JSON as venues write it: no blanks, non-ASCII letters as they are, a `Decimal` as a number without exponent."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_marked)
    return _NUMBER.sub(r"\1", text) if "\\u0000" in text else text


def _marked(value: object) -> str:
    """A number's digits between two NULs, since `json` itself writes no number but its own."""
    if isinstance(value, Decimal):
        return f"\0{value:f}\0"
    raise TypeError(f"no JSON for {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A REST request; `now` is the monotonic time in seconds, `unix` the Unix time in seconds."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str
    now: float
    unix: float


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A REST reply, or the refusal of a WebSocket request."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    listing: bool = False
    """Whether the body is the whole instrument list (faults aim at it)."""

    @staticmethod
    def json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpReply:
        """A reply with a JSON body."""
        return HttpReply(status, compact(value).encode(), headers or {})


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request to open a WebSocket; path and query are still URL-encoded."""

    path: str
    query: str
    headers: Mapping[str, str]
    address: str
    now: float


class Dialogue(Protocol):
    """One client's conversation with the venue. It answers through its `Socket` and sets its timers there."""

    def opened(self) -> None:
        """The socket is open."""
        ...

    def text(self, data: str) -> None:
        """A text message came."""
        ...

    def binary(self, data: bytes) -> None:
        """A binary message came."""
        ...

    def ping(self, data: bytes) -> None:
        """A protocol ping came; the socket has not answered it yet."""
        ...

    def pong(self, data: bytes) -> None:
        """A protocol pong came."""
        ...

    def farewell(self) -> str | None:
        """The text frame by which the venue announces a planned end, if it has one."""
        ...


class Wire(Protocol):
    """How one market's fills are numbered, joined and written."""

    frame_ns: int
    """Fills of one instrument within this time share a frame; 0: each fill has its own."""
    time_unit: int
    """Nanoseconds of the last digit of the venue's time field."""
    kinds: Sequence[tuple[str, float]]
    """Uncommon kinds and their share among fills; `NA` frames come on top of the plan."""
    negative: Collection[str]
    """Fields whose numbers may be negative: -1 is no damage there."""
    repeats: float
    """The share of fills that equal the one before in every field."""
    channel: str
    """The channel of single fills."""

    def number(self, instrument: Instrument) -> int | None:
        """The id of the next fill."""
        ...

    def order(self, instrument: Instrument) -> int:
        """The ordering number of the next fill; -1 where its id is the only number it has. Called after `number`;
        `instrument.last` is the fill before, `instrument.further` says whether both are of one taker order."""
        ...

    def id_text(self, trade: Trade) -> str | None:
        """The native id as the ledger has it."""
        ...

    def order_text(self, trade: Trade) -> str | None:
        """The venue's ordering number as the ledger has it; null where it publishes none."""
        ...

    def encode(self, instrument: Instrument, channel: str, trades: Sequence[Trade], form: Hashable, now: int) -> str:
        """The payload that carries these trades, oldest first, to subscribers of one form; `now` in Unix ns."""
        ...

    def frame(self, payload: str) -> bytes:
        """The WebSocket frame of a payload (text or binary opcode)."""
        ...

    def vital(self, path: tuple[str | int, ...]) -> bool:
        """Whether the place in a frame's JSON belongs to a trade: the fault `malformed` strikes there."""
        ...

    def derived(self, instrument: Instrument, trade: Trade, now: int) -> Sequence[tuple[str, Trade]]:
        """Trades of other channels (aggregates) that this fill completes."""
        ...

    def finish(self, instrument: Instrument) -> Sequence[tuple[str, Trade]]:
        """Trades of other channels that end here because no fill will be joined to them any more."""
        ...

    def settled(self, now: int) -> Sequence[tuple[Instrument, str, Trade]]:
        """Trades of other channels that the passing of time completes."""
        ...


class Lister(Protocol):
    """The instrument list of one market."""

    def universe(self, seed: int) -> list[Instrument]:
        """All rows, busiest first; the same for the same seed."""
        ...

    def judge(self, instrument: Instrument) -> tuple[bool, bool]:
        """From its row: whether it trades at all, and whether it is a plain one in the venue's main quote."""
        ...

    def make(self, base: str, quote: str, price: str, seed: int) -> Instrument:
        """A new row that trades, for a listing while running."""
        ...

    def retire(self, instrument: Instrument) -> None:
        """Turns the row into that of a delisted instrument."""
        ...


class Endpoint(Protocol):
    """What one port answers, REST and WebSocket."""

    exchange: str
    markets: tuple[Market, ...]

    def http(self, request: HttpRequest) -> HttpReply:
        """Answers a REST request of any method."""
        ...

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        """Answers a WebSocket request: a conversation, or an HTTP refusal."""
        ...

    def owns(self, url: str) -> str | None:
        """For recordings: `rest` or `ws` when a real URL of the venue belongs to this endpoint."""
        ...

    def lists(self, path: str) -> bool:
        """Whether a path is that of the whole instrument list."""
        ...
