"""What the wire contract makes of an instrument: common name, unit factor, subject, the fixed part of its messages."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tests.audit.exact import ONE, canonical, convert

# A coin under another name than its common one. A rename of a coin is not an alias.
ALIASES: Mapping[str, str] = {"XBT": "BTC", "BEAMX": "BEAM"}
_BEFORE = re.compile(r"(10{3,}) ?(\D.*)")  # 1000PEPE, "1000 PEPE", 1000000MOG; 1INCH is none
_AFTER = re.compile(r"(.*\D) ?(10{3,})")  # SHIB1000
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def escape(name: str) -> str:
    """Return a name as one token of a subject: each UTF-8 byte outside ``A-Za-z0-9_-`` as ``%XX``."""
    return "".join(
        letter if letter in _PLAIN else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in name
    )


def unescape(token: str) -> str:
    """Return the name that :func:`escape` made the token from."""
    parts = re.split("%(..)", token)
    return b"".join(bytes.fromhex(part) if i % 2 else part.encode() for i, part in enumerate(parts)).decode()


def split_factor(base: str) -> tuple[str, str | None]:
    """Return bare name and unit factor of a venue's base: ``("PEPE", "1000")`` for ``1000PEPE``, ``("BTC", None)``."""
    if match := _BEFORE.fullmatch(base):
        return match[2], match[1]
    if match := _AFTER.fullmatch(base):
        return match[1].rstrip(), match[2]
    return base, None


def common(name: str) -> str:
    """Return a coin's common name."""
    return ALIASES.get(name, name)


@dataclass(frozen=True, slots=True)
class Native:
    """An instrument as its venue lists it; ``base`` and ``quote`` are the venue's own fields.

    Prices are integers of 10^-``price_scale`` where that is set (sizes likewise), one contract is ``multiplier`` coins;
    ``listed`` is the start of trading in ns, where the venue tells it. What is not ``tradable`` now can't claim a
    subject, but keeps its bare name taken while it ``exists`` (a pause may end; a delisting doesn't).
    """

    exchange: str
    market: str
    name: str
    base: str
    quote: str
    price_scale: int | None = None
    quantity_scale: int | None = None
    multiplier: str | None = None
    listed: int | None = None
    tradable: bool = True
    exists: bool = True


@dataclass(slots=True, eq=False)
class Instrument:
    """An instrument as it must appear in the stream. ``newest`` is the judge's mark: the latest trade stored so far."""

    native: Native
    base: str
    factor: str | None
    newest: int = -1
    newest_id: str = ""
    newest_time: int = -1
    market: str = field(init=False)
    subject: str = field(init=False)
    symbol: str = field(init=False)
    prefix: str = field(init=False)
    _factor: Decimal = field(init=False)
    _multiplier: Decimal = field(init=False)

    def __post_init__(self) -> None:
        native = self.native
        self.market = f"{native.exchange}.{native.market}"
        self.subject = f"trades.{self.market}.{escape(self.base)}.{escape(native.quote)}"
        self.symbol = f"{self.base}-{native.quote}"
        self.prefix = f"{self.market}.{native.name}."
        self._factor = Decimal(self.factor) if self.factor else ONE
        self.update(native)

    def update(self, native: Native) -> None:
        """Take over a changed row: scales and multiplier may change, the published name does not."""
        self.native = native
        self._multiplier = Decimal(native.multiplier) if native.multiplier else ONE

    def price(self, wire: str) -> str:
        """Return the price of one base coin from the wire's own text."""
        return convert(wire, scale=self.native.price_scale, over=self._factor)

    def quantity(self, wire: str) -> str:
        """Return the quantity in base coins from the wire's own text."""
        times = ONE if self._factor is ONE and self._multiplier is ONE else self._factor * self._multiplier
        return convert(wire, scale=self.native.quantity_scale, times=times)

    def extra(self, wire_size: str) -> dict[str, str]:
        """Return the optional fields that follow from the instrument: contracts, multiplier, unit_factor."""
        fields: dict[str, str] = {}
        if self.native.multiplier:
            fields["contracts"] = convert(wire_size, scale=self.native.quantity_scale)
            fields["multiplier"] = canonical(self._multiplier)
        if self.factor:
            fields["unit_factor"] = self.factor
        return fields


class Universe:
    """The instruments of all markets under their published names.

    A name is given when an instrument is first seen and holds for its life. Of two that claim one subject the earlier
    listed wins, then the lesser name; the other is in :attr:`refused` and owes nothing.
    """

    def __init__(self) -> None:
        self.instruments: dict[tuple[str, str, str], Instrument] = {}
        self.refused: dict[tuple[str, str, str], Native] = {}
        self._natives: dict[tuple[str, str, str], Native] = {}
        self._holders: dict[str, tuple[str, str, str]] = {}

    def add(self, natives: Iterable[Native]) -> None:
        """Take one instrument list, or the rows of a change: all of them are known before any is named."""
        news: dict[tuple[str, str, str], Native] = {}
        for native in natives:
            key = (native.exchange, native.market, native.name)
            known = self.instruments.get(key)
            if known is None or (native.tradable and not known.native.tradable):
                news[key] = native
            if known is not None:
                known.update(native)
            self._natives[key] = native
        bases = {(n.exchange, n.market, n.quote, n.base) for n in self._natives.values() if n.exists}
        for key, native in sorted(news.items(), key=lambda item: _seniority(item[1])):
            instrument = self.instruments.get(key) or _named(native, bases)
            if native.tradable and self._holders.setdefault(instrument.subject, key) != key:
                self.refused[key] = native
                self.instruments.pop(key, None)
                continue
            self.refused.pop(key, None)
            self.instruments[key] = instrument


def _seniority(native: Native) -> tuple[bool, bool, int, str]:
    return (not native.tradable, native.listed is None, native.listed or 0, native.name)


def _named(native: Native, bases: set[tuple[str, str, str, str]]) -> Instrument:
    bare, factor = split_factor(native.base)
    if factor is not None:
        where = (native.exchange, native.market, native.quote)
        if (*where, bare) in bases or (*where, common(bare)) in bases:
            return Instrument(native, native.base.replace(" ", ""), None)
    return Instrument(native, common(bare), factor)
