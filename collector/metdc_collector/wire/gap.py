"""Gap records: what could not be streamed, as data.

Record, on ``gaps.<exchange>.<market>.<BASE>.<QUOTE>``::

    {"v":1,"gap":"BTCUSDT:5312345678","exchange":"binance","market":"spot","symbol":"BTC-USDT","instrument":"BTCUSDT",
     "before":{"id":"5312345678","time":1790001515463000000},"after":{"id":"5312345700","time":1790001519000000000},
     "from":1790001515463000000,"to":1790001519000000000,"first_missing":"5312345679","last_missing":"5312345699",
     "cause":"disconnected","state":"open","missing":21,"filled":0,"at":1790001519100000000}
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from metdc_collector.wire import records, subjects
from metdc_collector.wire.errors import InvalidMessage, WireError
from metdc_collector.wire.instrument import VERSION

State = Literal["open", "filled", "partial", "unfillable", "empty"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A trade at the edge of a gap: its id, and the venue's time in ns."""

    id: str
    time: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A span of one symbol without proof, and what became of it.

    Attributes:
        before, after: the trades at its edges; null where there is none.
        start, end: the time without proof, ns since the epoch (``from`` and ``to`` on the wire).
        first_missing, last_missing: the first and last ordering number still missing, where these are consecutive.
        cause: why, one word: ``disconnected``, ``restarted``, ``omitted``, ``listed``, ``dropped``, ``malformed``, …
        missing: numbers that were found or are still missing; null where numbers are not consecutive.
        filled: trades that were found and published.
        at: when this state of the record was written, ns.
    """

    exchange: str
    market: str
    base: str
    quote: str
    instrument: str
    before: Edge | None
    after: Edge | None
    start: int
    end: int
    cause: str
    state: State
    at: int
    first_missing: str | None = None
    last_missing: str | None = None
    missing: int | None = None
    filled: int | None = None

    @property
    def identity(self) -> str:
        """The same from every pod and in every state: ``<instrument>:<last stored id>``."""
        return f"{self.instrument}:{self.before.id if self.before else ''}"

    @property
    def subject(self) -> str:
        """Where the record goes."""
        return subjects.subject("gaps", self.exchange, self.market, self.base, self.quote)


def encode(gap: Gap) -> bytes:
    """Return the record as JSON."""
    return orjson.dumps(
        {
            "v": VERSION,
            "gap": gap.identity,
            "exchange": gap.exchange,
            "market": gap.market,
            "symbol": f"{gap.base}-{gap.quote}",
            "instrument": gap.instrument,
            "before": _edge(gap.before),
            "after": _edge(gap.after),
            "from": gap.start,
            "to": gap.end,
            "first_missing": gap.first_missing,
            "last_missing": gap.last_missing,
            "cause": gap.cause,
            "state": gap.state,
            "missing": gap.missing,
            "filled": gap.filled,
            "at": gap.at,
        }
    )


def decode(data: bytes) -> Gap:
    """Read a record.

    Raises:
        InvalidMessage: when it is no gap record, or is of a version that this code does not know.
    """
    try:
        record = records.load(data, VERSION)
        base, quote = records.symbol(record)
        gap = records.build(
            Gap, record | {"base": base, "quote": quote, "start": record.get("from"), "end": record.get("to")}
        )
        if gap.identity != record.get("gap"):
            raise InvalidMessage(f"gap: {record.get('gap')!r} is not {gap.identity!r}")
        subjects.subject("gaps", gap.exchange, gap.market, gap.base, gap.quote)
    except WireError as error:
        raise InvalidMessage(f"gap record: {error}") from None
    return gap


def newest(records: Iterable[Gap]) -> list[Gap]:
    """Return the newest record of each gap, the earliest gap first."""
    last: dict[tuple[str, str, str], Gap] = {}
    for gap in records:
        key = (gap.exchange, gap.market, gap.identity)
        if key not in last or gap.at >= last[key].at:
            last[key] = gap
    return sorted(last.values(), key=lambda gap: (gap.start, gap.exchange, gap.market, gap.identity))


def _edge(edge: Edge | None) -> dict[str, Any] | None:
    return None if edge is None else {"id": edge.id, "time": edge.time}
