"""An instrument as METDC names it, and the record of its changes.

Record, on ``instruments.<exchange>.<market>.<BASE>.<QUOTE>``::

    {"v":1,"exchange":"binance","market":"spot","symbol":"BTC-USDT","instrument":"BTCUSDT","base":"BTC","quote":"USDT",
     "tick":"0.01","lot":"0.00001","multiplier":null,"unit_factor":null,"status":"trading","listed":null,"delisted":null}
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from metdc_collector.wire import records, subjects
from metdc_collector.wire.errors import InvalidMessage, InvalidToken, WireError

VERSION = 1
Status = Literal["trading", "pending", "halted", "delisted"]
_FIELDS = ("tick", "lot", "multiplier", "unit_factor", "status", "listed", "delisted")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable pair or contract of one venue.

    Raises:
        InvalidToken: when the name cannot be part of a header (empty, spaces, control characters), base or quote
            cannot be a token of a subject, or the quote holds a dash.

    Attributes:
        exchange: ``binance``, ``phemex``, …
        market: ``spot`` or ``futures`` (USDT-margined perpetuals).
        name: the venue's own name, byte for byte: ``BTCUSDT``, ``sBTCUSDT``, ``1000PEPEUSDT``.
        base: the coin's common name, without a unit factor: ``PEPE``.
        quote: the quote coin: ``USDT``.
        tick: price step as the venue gives it (canonical decimal), null where it gives none.
        lot: quantity step likewise.
        multiplier: base coins per contract (canonical decimal), null where the venue counts coins.
        unit_factor: coins per unit that the name carries (``1000``), null where it carries none.
        price_scale: the venue writes prices as integers of 10**-price_scale; null where it writes decimals.
        quantity_scale: likewise for quantities.
        status: ``trading``, ``pending`` (announced), ``halted`` or ``delisted``.
        listed: start of trading, ns since the epoch, null where the venue doesn't say.
        delisted: end of trading, likewise.
    """

    exchange: str
    market: str
    name: str
    base: str
    quote: str
    tick: str | None = None
    lot: str | None = None
    multiplier: str | None = None
    unit_factor: str | None = None
    price_scale: int | None = None
    quantity_scale: int | None = None
    status: Status = "trading"
    listed: int | None = None
    delisted: int | None = None
    subject: str = field(init=False, compare=False, repr=False)
    """The subject of its trades."""
    head: str = field(init=False, compare=False, repr=False)
    """The members that all its payloads begin with, as JSON text without the closing brace."""
    message_prefix: str = field(init=False, compare=False, repr=False)
    """What its message ids begin with, up to and with the last dot."""

    def __post_init__(self) -> None:
        if not self.name.isprintable() or " " in self.name or not self.name:
            raise InvalidToken(self.name)  # it goes into a header
        if "-" in self.quote:
            raise InvalidToken(self.quote)  # the symbol could not be taken apart again
        assign = object.__setattr__  # a frozen dataclass has no other way to derive a field once
        assign(self, "subject", subjects.subject("trades", self.exchange, self.market, self.base, self.quote))
        identity = {
            "v": VERSION,
            "exchange": self.exchange,
            "market": self.market,
            "symbol": self.symbol,
            "instrument": self.name,
        }
        assign(self, "head", json.dumps(identity, ensure_ascii=False, separators=(",", ":"))[:-1])
        assign(self, "message_prefix", f"{self.exchange}.{self.market}.{self.name}.")

    @property
    def symbol(self) -> str:
        """Base and quote joined by a dash: ``BTC-USDT``."""
        return f"{self.base}-{self.quote}"

    @property
    def record_subject(self) -> str:
        """Where the record of its changes goes."""
        return subjects.subject("instruments", self.exchange, self.market, self.base, self.quote)

    def message_id(self, trade_id: str) -> str:
        """Return the ``Nats-Msg-Id`` of the trade with that id: the identity by which it is stored once."""
        return self.message_prefix + trade_id


def encode(instrument: Instrument) -> bytes:
    """Return the instrument record as JSON."""
    record: dict[str, Any] = json.loads(instrument.head + "}")
    record |= {"base": instrument.base, "quote": instrument.quote}
    record |= {name: getattr(instrument, name) for name in _FIELDS}
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def decode(data: bytes) -> Instrument:
    """Read an instrument record.

    Raises:
        InvalidMessage: when it is not one, or is of a version that this code does not know.
    """
    try:
        record = records.load(data, VERSION)
        records.decimals(record, "tick", "lot", "multiplier", "unit_factor")
        instrument = records.build(Instrument, record | {"name": record.get("instrument")})
        if instrument.symbol != record.get("symbol"):
            raise InvalidMessage(f"symbol: {record.get('symbol')!r} is not {instrument.symbol!r}")
    except WireError as error:
        raise InvalidMessage(f"instrument record: {error}") from None
    return instrument
