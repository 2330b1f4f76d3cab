"""From the rows of an instrument list to instruments: names, unit factors, and who holds which subject.

What all venues share; a venue's ``instruments.py`` reads its own rows into :class:`Row`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from metdc_collector.exchanges.base import InvalidListing, Listing, Refusal
from metdc_collector.exchanges.checks import EARLIEST, LATEST, Damaged, is_name, shown
from metdc_collector.exchanges.decoding import Undecodable, decode_members
from metdc_collector.exchanges.naming import Name, common_name
from metdc_collector.wire.decimals import canonical
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument, Status

_LIVE: tuple[Status, ...] = ("trading", "pending")
_RANK: dict[Status, int] = {"trading": 0, "pending": 0, "halted": 1, "delisted": 2}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One instrument as its venue lists it; the fields are those of :class:`Instrument`, base and quote the venue's."""

    name: str
    base: str
    quote: str
    status: Status
    tick: str | None = None
    lot: str | None = None
    multiplier: str | None = None
    price_scale: int | None = None
    quantity_scale: int | None = None
    listed: int | None = None
    delisted: int | None = None


def read_object(body: bytes, names: Collection[str]) -> dict[str, Any]:
    """Decode the reply to a request for an instrument list; of all its objects, only the members of these names.

    Raises:
        InvalidListing: when it is no JSON object.
    """
    reply = _decoded(body, names)
    if not isinstance(reply, dict):
        raise InvalidListing(f"the instrument list is no JSON object: {shown(reply)}")
    return reply


def read_array(body: bytes, names: Collection[str]) -> list[Any]:
    """Decode an instrument list that is a bare array of rows; of each, only the members of these names.

    Raises:
        InvalidListing: when it is no JSON array, or it is empty. An object may be an error: its beginning is shown.
    """
    reply = _decoded(body, names)
    if not isinstance(reply, list):
        raise InvalidListing(f"the instrument list is no JSON array: the reply begins with {_start(body)}")
    if not reply:
        raise InvalidListing("the instrument list is empty: the array holds no row")
    return reply


def read_rows(reply: dict[str, Any], key: str) -> list[Any]:
    """Return the array under ``key``.

    Raises:
        InvalidListing: when there is none, or it is empty.
    """
    rows = reply.get(key)
    if not isinstance(rows, list):
        raise InvalidListing(f"the reply is no instrument list: it has no array {key!r}")
    if not rows:
        raise InvalidListing(f"the instrument list is empty: {key!r} holds no row")
    return rows


def assemble(
    exchange: str, market: str, rows: Sequence[Row], refused: Iterable[Refusal], known: Mapping[str, Instrument]
) -> Listing:
    """Name the instruments and settle which of those that claim one subject holds it.

    A name that was published holds for the instrument's life: those that are ``known``, by native name, keep base and
    unit factor, whatever has been listed since, and come before others that claim their subject.

    Raises:
        InvalidListing: when no instrument of the market is left.
    """
    refusals = list(refused)
    listed = _bare_names(rows)
    named: dict[str, Instrument] = {}
    for row in rows:
        instrument = _instrument(exchange, market, row, _name(row, listed, known))
        named[row.name] = min(instrument, named.get(row.name, instrument), key=_seniority)
    holders: dict[str, Instrument] = {}
    for instrument in named.values():
        rival = holders.get(instrument.subject, instrument)
        holders[instrument.subject] = min(instrument, rival, key=lambda one: _claim(one, known))
    held = {name: instrument for name, instrument in named.items() if holders[instrument.subject] is instrument}
    refusals += [
        Refusal(name, f"{holders[instrument.subject].name} holds the subject {instrument.subject}")
        for name, instrument in named.items()
        if name not in held and instrument.status in _LIVE
    ]
    if not held:
        raise InvalidListing(f"the instrument list holds no usable instrument of the {market} market")
    return Listing(instruments=held, refused=refusals)


def text(row: dict[str, Any], key: str) -> str:
    """Return a row's field that must be text and not empty.

    Raises:
        Damaged: when it isn't.
    """
    value = row.get(key)
    if type(value) is str and value:
        return value
    raise Damaged(f"{key} is no text: {shown(value)}")


def name_of(row: Any, key: str, place: int) -> str:
    """Return the native name of a row, or its place in the list where it has none: ``row 17``."""
    value = row.get(key) if isinstance(row, dict) else None
    return value if is_name(value) else f"row {place}"


def step(value: object) -> str | None:
    """Return a price or quantity step in canonical form; null where the venue gives none that can be read.

    It may be text, or a JSON number, of which the list's decoder has made an integer or a ``Decimal``.
    """
    if type(value) is not str and type(value) is not int and type(value) is not Decimal:
        return None
    try:
        return canonical(str(value))
    except InvalidDecimal:
        return None


def moment(value: object) -> int | None:
    """Return a time in ms as ns since the epoch; null where it is no time between 2009 and 2100."""
    return value * 1_000_000 if type(value) is int and EARLIEST <= value * 1_000_000 < LATEST else None


def _decoded(body: bytes, names: Collection[str]) -> Any:
    if not body.strip():
        raise InvalidListing("the instrument list is empty: the reply has no body")
    if body.startswith(_GZIP):
        raise InvalidListing("the instrument list is not JSON: the reply is compressed (gzip)")
    try:
        return decode_members(body, names)
    except Undecodable:
        raise InvalidListing(f"the instrument list is not JSON: the reply begins with {_start(body)}") from None


def _start(body: bytes) -> str:
    return ascii(body[:60].decode(errors="replace"))


def _bare_names(rows: Sequence[Row]) -> dict[str, set[str]]:
    """The bases of each quote; a delisted coin's name is free."""
    listed: dict[str, set[str]] = {}
    for row in rows:
        if row.status != "delisted":
            listed.setdefault(row.quote, set()).add(row.base)
    return listed


def _name(row: Row, listed: Mapping[str, Collection[str]], known: Mapping[str, Instrument]) -> Name:
    before = known.get(row.name)
    if before is not None and before.quote == row.quote:
        return Name(before.base, before.unit_factor)
    return common_name(row.base, listed.get(row.quote, ()))


def _instrument(exchange: str, market: str, row: Row, name: Name) -> Instrument:
    return Instrument(
        exchange=exchange,
        market=market,
        name=row.name,
        base=name.base,
        quote=row.quote,
        tick=row.tick,
        lot=row.lot,
        multiplier=row.multiplier,
        unit_factor=name.unit_factor,
        price_scale=row.price_scale,
        quantity_scale=row.quantity_scale,
        status=row.status,
        listed=row.listed,
        delisted=row.delisted,
    )


def _claim(instrument: Instrument, known: Mapping[str, Instrument]) -> tuple[int, bool, tuple[int, int, str]]:
    """The least holds the subject: what lives before what doesn't, what has held it before, then the senior."""
    return _RANK[instrument.status], instrument.name not in known, _seniority(instrument)


def _seniority(instrument: Instrument) -> tuple[int, int, str]:
    """The least holds the subject: what trades before what once did, the earlier listed, then the lesser name."""
    return _RANK[instrument.status], instrument.listed or LATEST, instrument.name
