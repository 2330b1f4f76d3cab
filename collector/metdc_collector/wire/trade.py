"""One trade: the message that METDC exists for.

Payload, on ``trades.<exchange>.<market>.<BASE>.<QUOTE>``::

    {"v":1,"exchange":"binance","market":"spot","symbol":"BTC-USDT","instrument":"BTCUSDT","id":"5312345678",
     "seq":"5312345678","price":"80227.01","quantity":"0.00042","side":"sell","time":1790001515463000000,
     "received":1790001515465120331,"sent":1790001515464000000}
"""

import re
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson

from metdc_collector.wire import records
from metdc_collector.wire.errors import InvalidMessage, WireError
from metdc_collector.wire.instrument import VERSION, Instrument

Side = Literal["buy", "sell"]
_INSTRUMENT = ("exchange", "market", "name", "base", "quote", "multiplier", "unit_factor")
_ABSENT = object()
_ID = re.compile(r"[A-Za-z0-9:._-]{1,120}", re.ASCII)


class Aggregate(NamedTuple):
    """The fills that one aggregate trade joins: their first and last id."""

    first_id: str
    last_id: str


class Trade(NamedTuple):
    """One trade of one instrument.

    Attributes:
        instrument: what was traded; gives exchange, market, symbol, subject.
        id: the venue's number that is the same on socket and REST; only ``A-Za-z0-9:._-`` (:func:`is_id`).
        seq: the venue's ordering number, of the same characters, null where it has none.
        price: canonical decimal, quote coins per one base coin.
        quantity: canonical decimal in base coins; null only while contracts can't be converted.
        side: of the taker.
        time: the venue's time of the trade, ns since the epoch.
        received: when the frame's bytes were read, ns since the epoch.
        sent: the venue's send time, ns since the epoch, null where it gives none.
        kind: null for a normal trade; ``block``, ``rpi``, ``insurance``, ``adl``, …
        contracts: the venue's own count where it trades in contracts (canonical decimal).
        aggregate: set where the message stands for several fills.
        backfilled: it came over REST.
        late: it is published after a newer trade of its symbol.
    """

    instrument: Instrument
    id: str
    seq: str | None
    price: str
    quantity: str | None
    side: Side
    time: int
    received: int
    sent: int | None = None
    kind: str | None = None
    contracts: str | None = None
    aggregate: Aggregate | None = None
    backfilled: bool = False
    late: bool = False

    @property
    def message_id(self) -> str:
        """The ``Nats-Msg-Id``."""
        return self.instrument.message_prefix + self.id


def is_id(text: str) -> bool:
    """Whether the text can be an id or an ordering number: it goes into JSON and into a header unescaped."""
    return _ID.fullmatch(text) is not None


def encode(trade: Trade) -> bytes:
    """Return the payload."""
    return as_text(trade).encode()


def as_text(trade: Trade) -> str:
    """Return the payload as text.

    It is put together by hand, which takes a third of the time of a JSON encoder; every part is either made by
    this package (canonical decimals, the head, integers) or checked by :func:`is_id`. ``kind``, which may hold a
    venue's own word, is encoded.
    """
    # Taken apart at once, and put together at once: this is the path of each trade.
    instrument, name, seq, price, quantity, side, time, received, sent, kind, contracts, joined, filled, late = trade
    more = "" if sent is None else f',"sent":{sent}'
    if kind is not None:
        more += f',"kind":{orjson.dumps(kind).decode()}'
    if contracts is not None:
        more += f',"contracts":"{contracts}"'
    if instrument.multiplier is not None:
        more += f',"multiplier":"{instrument.multiplier}"'
    if instrument.unit_factor is not None:
        more += f',"unit_factor":"{instrument.unit_factor}"'
    if joined is not None:
        more += f',"aggregate":{{"first_id":"{joined.first_id}","last_id":"{joined.last_id}"}}'
    if filled:
        more += ',"backfilled":true'
    if late:
        more += ',"late":true'
    numbered = "null" if seq is None else f'"{seq}"'
    amount = "null" if quantity is None else f'"{quantity}"'
    return (
        f'{instrument.head},"id":"{name}","seq":{numbered},"price":"{price}","quantity":{amount},'
        f'"side":"{side}","time":{time},"received":{received}{more}}}'
    )


def revive(data: bytes, instruments: dict[tuple[object, ...], Instrument]) -> Trade:
    """Read back what :func:`encode` wrote and a checksum vouches for, in a tenth of :func:`decode`'s time: unchecked.

    ``instruments`` keeps the instruments that were met, for the next call.

    Raises:
        KeyError, ValueError: when it is something else after all.
    """
    record = orjson.loads(data)
    find = record.get
    multiplier, unit_factor = find("multiplier"), find("unit_factor")
    key = (record["exchange"], record["market"], record["instrument"], record["symbol"], multiplier, unit_factor)
    if (instrument := instruments.get(key)) is None:
        base, _, quote = record["symbol"].rpartition("-")
        instrument = instruments[key] = Instrument(
            *(record["exchange"], record["market"], record["instrument"], base, quote),
            multiplier=multiplier,
            unit_factor=unit_factor,
        )
    joined = find("aggregate")
    return Trade(
        *(instrument, record["id"], record["seq"], record["price"], record["quantity"], record["side"]),
        *(record["time"], record["received"], find("sent"), find("kind"), find("contracts")),
        Aggregate(joined["first_id"], joined["last_id"]) if joined else None,
        backfilled="backfilled" in record,
        late="late" in record,
    )


def decode(data: bytes) -> Trade:
    """Read a payload; what :func:`encode` wrote comes back equal.

    Raises:
        InvalidMessage: when it is no trade, or is of a version that this code does not know.
    """
    try:
        record = records.load(data, VERSION)
        records.decimals(record, "price", "quantity", "contracts", "multiplier", "unit_factor")
        base, quote = records.symbol(record)
        identity = record | {"name": record.get("instrument"), "base": base, "quote": quote}
        instrument = _instrument(identity)
        trade = records.build(Trade, record | {"instrument": instrument})
        joined = trade.aggregate or ()
        for text in (trade.id, trade.seq, *joined):
            if text is not None and not is_id(text):
                raise InvalidMessage(f"{text[:80]!r} is no id")
        if trade.quantity is None and trade.contracts is None:
            raise InvalidMessage("quantity: null without contracts")
    except WireError as error:
        raise InvalidMessage(f"trade: {error}") from None
    return trade


def _instrument(identity: dict[str, Any]) -> Instrument:
    """Return the instrument of a payload, the same for all of its trades: making it takes as long as all the rest."""
    key = tuple(identity.get(name, _ABSENT) for name in _INSTRUMENT)
    try:
        return _made(key)
    except TypeError:  # a list or an object cannot be looked up; it is refused by its name
        return _made.__wrapped__(key)


@lru_cache(maxsize=4_096)
def _made(key: tuple[Any, ...]) -> Instrument:
    known = {name: value for name, value in zip(_INSTRUMENT, key, strict=True) if value is not _ABSENT}
    return records.build(Instrument, known)
