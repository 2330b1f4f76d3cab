"""What a recording is made of, and what a venue's function finds in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tests.audit.book import Raw
from tests.audit.derive import Native
from tests.audit.exact import NotADecimal, loads, number

SPOT, FUTURES = "spot", "futures"
MILLISECOND = 1_000_000
"""In nanoseconds."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a recording; ``url`` of a received frame is that of the newest connection before it."""

    kind: str
    url: str
    data: str


@dataclass(frozen=True, slots=True)
class Life:
    """What a row of an instrument list says of an instrument's life: the fields of that name of :class:`Native`."""

    tradable: bool
    exists: bool
    listed: int | None


@dataclass(slots=True)
class Rows:
    """What a venue's function finds: the instruments in scope, the trades, and what is neither.

    ``trades`` maps (market, instrument, identity) to the trade, so that what a file holds twice counts once.
    """

    exchange: str
    natives: dict[tuple[str, str], Native] = field(default_factory=dict)
    trades: dict[tuple[str, str, str], Raw] = field(default_factory=dict)
    out_of_scope: Counter[str] = field(default_factory=Counter)
    malformed: int = 0

    def list(self, native: Native) -> None:
        """Enter an instrument of the market; the first list that names it counts. Only what is tradable is in scope."""
        self.natives.setdefault((native.market, native.name), native)

    def trade(
        self,
        market: str,
        name: str,
        identity: str,
        *,
        price: object,
        size: object,
        side: str,
        time: int,
        sent: int | None,
        **more: Any,
    ) -> None:
        """Enter a trade. Price and size are wire values: text, integer, or Decimal.

        Raises:
            NotADecimal: when one of them is no positive number.
        """
        native = self.natives.get((market, name))
        if native is None or not native.tradable:
            self.out_of_scope[name] += 1
            return
        times = frozenset() if sent is None else frozenset({sent})
        if (first := self.trades.get((market, name, identity))) is not None:
            self.trades[market, name, identity] = replace(first, sent=(first.sent or frozenset()) | times)
            return
        self.trades[market, name, identity] = Raw(
            id=more.get("id"),
            seq=more.get("seq"),
            price=positive(price),
            size=positive(size),
            side=side,
            time=time,
            serial=len(self.trades),
            owed=True,
            kind=more.get("kind"),
            aggregate=more.get("aggregate"),
            sent=times,
        )


def frames(lines: list[Line]) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Yield the received frames that are JSON objects."""
    for line in lines:
        if line.kind != "recv":
            continue
        try:
            frame = loads(line.data)
        except ValueError:
            continue
        if isinstance(frame, dict):
            yield line, frame


def replies(lines: list[Line], path_end: str) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Yield the REST replies whose address ends so, and that are JSON objects."""
    for line in lines:
        if line.kind == "http" and urlsplit(line.url).path.endswith(path_end):
            body = loads(line.data)
            if isinstance(body, dict):
                yield line, body


def positive(value: object) -> str:
    """Return a wire value as text.

    Raises:
        NotADecimal: when it is no positive number.
    """
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        raise NotADecimal(str(value))
    if not number(value):
        raise NotADecimal("0")
    return str(value)


def nanoseconds(value: int) -> int:
    """Return a venue's time in ns; its magnitude says whether it counts ms, us or ns (for years from 1973 to 5138)."""
    if value < 10**14:
        return value * MILLISECOND
    return value * 1_000 if value < 10**17 else value


def whole(value: object) -> int:
    """Return an integer as it is.

    Raises:
        TypeError: when it is anything else, a bool too.
    """
    if type(value) is not int:
        raise TypeError(f"{value!r} is no integer")
    return value
