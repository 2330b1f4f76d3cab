"""Comparing stored messages with the trades that a venue produced."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from tests.audit.book import Book, Key, Trade, fills_of
from tests.audit.derive import Instrument
from tests.audit.gaps import Gaps
from tests.audit.stream import Stored

SKEW = 1_000_000_000
"""How far `received` may lie before the venue's time, or after the store time: 1 s in ns."""
_SLOW = 1_000_000_000
"""ns from trade to stream: what takes longer may have been published after a newer one that came later, or was lost."""
EXAMPLES = 5
"""Examples kept per market and kind of fault."""
_REQUIRED = (
    "v",
    "exchange",
    "market",
    "symbol",
    "instrument",
    "id",
    "seq",
    "price",
    "quantity",
    "side",
    "time",
    "received",
)
_OPTIONAL = ("sent", "kind", "contracts", "multiplier", "unit_factor", "aggregate", "backfilled", "late")
_KNOWN = frozenset(_REQUIRED + _OPTIONAL)
_ABSENT = "(absent)"

Differences = dict[str, dict[str, Any]]
Heard = Callable[[str, str, Trade | None, Stored | None], None]
"""Is told each finding: its kind, the market, the trade if it is one of the venue's, the message if there is one."""


@dataclass(slots=True)
class Tally:
    """What was found in one market. ``sent`` are the trades owed, ``stored`` all messages."""

    sent: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    misordered: int = 0
    wrong: int = 0
    extra: int = 0
    gapped: int = 0
    """Owed, not stored, and inside a gap record that says so."""
    late: int = 0
    """Stored after a newer trade of their symbol and marked so: allowed, counted for information."""

    @property
    def ok(self) -> bool:
        """Whether the promises held."""
        return not (self.lost or self.duplicated or self.misordered or self.wrong or self.extra)


@dataclass(slots=True)
class Verdict:
    """What an audit found, per market."""

    tallies: dict[str, Tally]
    examples: list[dict[str, Any]]

    @property
    def ok(self) -> bool:
        """Whether every market held."""
        return all(tally.ok for tally in self.tallies.values())

    @property
    def empty(self) -> bool:
        """Whether there was nothing to compare: no trade was owed."""
        return not any(tally.sent for tally in self.tallies.values())

    def record(self) -> dict[str, Any]:
        """Return the verdict as the JSON object that commands print."""
        markets = {name: asdict(tally) for name, tally in sorted(self.tallies.items())}
        return {"ok": self.ok and not self.empty, "markets": markets, "examples": self.examples}


@dataclass(frozen=True, slots=True)
class _Stranger:
    """A message whose id no trade has."""

    instrument: Instrument
    stored: Stored
    payload: dict[str, Any]


class Judge:
    """Takes stored messages in store order, then gives the verdict."""

    def __init__(
        self, book: Book, *, markets: Iterable[str] = (), skew: int = SKEW, heard: Heard | None = None
    ) -> None:
        self._book = book
        self._heard = heard
        self._skew = skew
        self._tallies: dict[str, Tally] = {market: Tally() for market in sorted(markets)}
        self._examples: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._strangers: list[_Stranger] = []
        self._overtaken: list[tuple[Trade, Stored]] = []

    def take(self, stored: Stored) -> None:
        """Judge one message."""
        market = ".".join(stored.subject.split(".")[1:3])
        try:
            payload = orjson.loads(stored.data)
        except orjson.JSONDecodeError:
            payload = None
        if not isinstance(payload, dict):
            self._tally(market).stored += 1
            self._fault("wrong", market, stored, differs={"payload": {"expected": "a JSON object"}})
            return
        key = (payload.get("exchange"), payload.get("market"), payload.get("instrument"))
        instrument = self._book.universe.instruments.get(key) if all(isinstance(k, str) for k in key) else None  # type: ignore[arg-type]
        if instrument is None:
            self._tally(market).stored += 1
            differs = {
                "instrument": {"stored": list(key), "expected": "one that the venue lists under a name of its own"}
            }
            self._fault("extra", market, stored, payload=payload, differs=differs)
            return
        self._tally(instrument.market).stored += 1
        trade = self._book.trades.get(key, {}).get(str(payload.get("id")))  # type: ignore[arg-type]
        if trade is None:
            self._strangers.append(_Stranger(instrument, stored, payload))
        elif trade.stored:
            self._duplicate(trade, stored, payload)
        else:
            self._compare(trade, stored, payload)

    def verdict(self, gaps: Gaps | None = None) -> Verdict:
        """Look for what is missing and return everything found."""
        self._place_strangers()
        for trade, stored in self._overtaken:
            self._excuse(trade, stored)
        for key, trades in self._book.trades.items():
            self._aggregates(trades)
            self._missing(key, trades, gaps)
        order = ("lost", "duplicated", "misordered", "wrong", "extra", "gapped")
        examples = [
            example for kind in order for (_, k), found in self._examples.items() if k == kind for example in found
        ]
        return Verdict(self._tallies, examples)

    def _tally(self, market: str) -> Tally:
        return self._tallies.setdefault(market, Tally())

    def _compare(self, trade: Trade, stored: Stored, payload: dict[str, Any]) -> None:
        trade.stored = stored.sequence
        trade.late = payload.get("late") is True
        differs = differences(trade, stored, payload, skew=self._skew)
        instrument = trade.instrument
        tally = self._tally(instrument.market)
        if trade.latest < instrument.newest:
            if trade.late:
                tally.late += 1
            else:
                newer = {"order": {"expected": "before newer trades", "stored": f"after {instrument.newest_id}"}}
                self._fault("misordered", instrument.market, stored, trade=trade, differs=newer)
        elif trade.late and trade.time > instrument.newest_time:
            if stored.at - trade.time > _SLOW:
                self._overtaken.append((trade, stored))
            else:
                differs["late"] = {"expected": _ABSENT, "stored": True}
        if differs:
            self._fault("wrong", instrument.market, stored, trade=trade, differs=differs)
        instrument.newest_time = max(instrument.newest_time, trade.time)
        if trade.serial > instrument.newest:
            instrument.newest, instrument.newest_id = trade.serial, trade.id

    def _excuse(self, trade: Trade, stored: Stored) -> None:
        """A trade was published after a newer one, and stored before it, or the newer one was lost on its way."""
        native = trade.instrument.native
        others = self._book.trades[native.exchange, native.market, native.name].values()
        if not any(trade.time < other.time <= stored.at for other in others):
            differs: Differences = {"late": {"expected": _ABSENT, "stored": True}}
            self._fault("wrong", trade.instrument.market, stored, trade=trade, differs=differs)

    def _duplicate(self, trade: Trade, stored: Stored, payload: dict[str, Any]) -> None:
        differs: Differences = {"stored": {"expected": trade.stored, "stored": [trade.stored, stored.sequence]}}
        if payload.get("id") != trade.id:
            differs["id"] = {"expected": trade.id, "stored": payload.get("id")}
        self._fault("duplicated", trade.instrument.market, stored, trade=trade, differs=differs)

    def _place_strangers(self) -> None:
        """A message under an unknown id is a copy or the only form of a trade of equal content, else nobody sent it."""
        index: dict[Instrument, dict[tuple[object, ...], list[Trade]]] = {}
        for stranger in self._strangers:
            instrument, payload = stranger.instrument, stranger.payload
            if instrument not in index:
                index[instrument] = self._by_content(instrument)
            content = tuple(payload.get(name) for name in ("time", "side", "price", "quantity"))
            hashable = all(isinstance(part, str | int) for part in content)
            equal = index[instrument].get(content, []) if hashable else []
            unstored = next((trade for trade in equal if not trade.stored), None)
            if unstored is not None:
                self._compare(unstored, stranger.stored, payload)
            elif equal:
                self._duplicate(equal[0], stranger.stored, payload)
            else:
                differs = {"id": {"expected": "one that the venue sent", "stored": payload.get("id")}}
                self._fault("extra", instrument.market, stranger.stored, payload=payload, differs=differs)

    def _by_content(self, instrument: Instrument) -> dict[tuple[object, ...], list[Trade]]:
        native = instrument.native
        found: dict[tuple[object, ...], list[Trade]] = {}
        for trade in self._book.trades.get((native.exchange, native.market, native.name), {}).values():
            found.setdefault((trade.time, trade.side, trade.price, trade.quantity), []).append(trade)
        return found

    def _aggregates(self, trades: dict[str, Trade]) -> None:
        """An aggregate stands for its fills: they are not lost with it, and twice there beside it."""
        for trade in trades.values():
            if trade.aggregate is None:
                continue
            fills = list(fills_of(trade, trades))
            if trade.stored:
                for fill in fills:
                    if fill.stored:
                        also = {
                            "aggregate": {"expected": "no fill beside it", "stored": f"{trade.id} and fill {fill.id}"}
                        }
                        self._fault("duplicated", trade.instrument.market, None, trade=fill, differs=also)
                    fill.stored = fill.stored or -1
            elif any(fill.stored > 0 for fill in fills):
                trade.stored = -1

    def _missing(self, key: Key, trades: Mapping[str, Trade], gaps: Gaps | None) -> None:
        for trade in trades.values():
            if not trade.owed:
                continue
            market = trade.instrument.market
            self._tally(market).sent += 1
            if not trade.stored:
                gap = gaps.around(key, trade) if gaps is not None else None
                differs = {"gap": {"record": gap}} if gap else {"stored": {"expected": 1, "stored": 0}}
                self._fault("gapped" if gap else "lost", market, None, trade=trade, differs=differs)

    def _fault(
        self,
        kind: str,
        market: str,
        stored: Stored | None,
        *,
        trade: Trade | None = None,
        payload: Mapping[str, Any] | None = None,
        differs: Differences,
    ) -> None:
        tally = self._tally(market)
        setattr(tally, kind, getattr(tally, kind) + 1)
        if self._heard is not None:
            self._heard(kind, market, trade, stored)
        examples = self._examples.setdefault((market, kind), [])
        if len(examples) < EXAMPLES:
            examples.append(_example(kind, market, stored, trade=trade, payload=payload or {}, differs=differs))


def _example(
    kind: str,
    market: str,
    stored: Stored | None,
    *,
    trade: Trade | None,
    payload: Mapping[str, Any],
    differs: Differences,
) -> dict[str, Any]:
    example: dict[str, Any] = {
        "fault": kind,
        "market": market,
        "instrument": trade.instrument.native.name if trade else payload.get("instrument"),
        "id": trade.id if trade else payload.get("id"),
        "subject": trade.instrument.subject if trade else (stored.subject if stored else None),
    }
    if trade is not None:
        example |= {"time": trade.time, "side": trade.side, "price": trade.price, "quantity": trade.quantity}
    if stored is not None:
        example |= {"stream": stored.stream, "sequence": stored.sequence}
    return example | {"differs": differs}


def differences(trade: Trade, stored: Stored, payload: Mapping[str, Any], *, skew: int = SKEW) -> Differences:
    """Return what differs between a message and what the contract asks for, field by field; empty when nothing does."""
    found: Differences = {}

    def expect(name: str, expected: object, actual: object) -> None:
        if type(actual) is not type(expected) or actual != expected:
            found[name] = {"expected": expected, "stored": actual}

    instrument = trade.instrument
    native = instrument.native
    expect("subject", instrument.subject, stored.subject)
    expect("Nats-Msg-Id", instrument.prefix + trade.id, stored.message_id)
    required: tuple[object, ...] = (
        1,
        native.exchange,
        native.market,
        instrument.symbol,
        native.name,
        trade.id,
        trade.seq,
        trade.price,
    )
    required += (trade.quantity, trade.side, trade.time)
    for name, expected in zip(_REQUIRED, required, strict=False):
        expect(name, expected, payload.get(name, _ABSENT))
    optional: dict[str, object] = dict(trade.extra)
    if trade.kind is not None:
        optional["kind"] = trade.kind
    if trade.aggregate is not None:
        optional["aggregate"] = {"first_id": trade.aggregate[0], "last_id": trade.aggregate[1]}
    for name in ("kind", "contracts", "multiplier", "unit_factor", "aggregate"):
        expect(name, optional.get(name, _ABSENT), payload.get(name, _ABSENT))
    for name in ("backfilled", "late"):
        if name in payload and payload[name] is not True:
            found[name] = {"expected": f"true or {_ABSENT}", "stored": payload[name]}
    _times(trade, stored, payload, skew=skew, found=found)
    for name in payload.keys() - _KNOWN:
        found[name] = {"expected": _ABSENT, "stored": payload[name]}
    return found


def _times(trade: Trade, stored: Stored, payload: Mapping[str, Any], *, skew: int, found: Differences) -> None:
    received = payload.get("received", _ABSENT)
    if type(received) is not int or not trade.time - skew <= received <= stored.at + skew:
        expected = f"integer ns from {trade.time} (trade) to {stored.at} (stored), give or take {skew}"
        found["received"] = {"expected": expected, "stored": received}
        return
    sent = payload.get("sent", _ABSENT)
    if trade.sent is not None and "backfilled" not in payload:
        if sent not in (trade.sent or {_ABSENT}):
            found["sent"] = {"expected": sorted(trade.sent) or _ABSENT, "stored": sent}
    elif sent != _ABSENT and (type(sent) is not int or not trade.time - skew <= sent <= received + skew):
        found["sent"] = {"expected": f"integer ns from {trade.time} to {received}, give or take {skew}", "stored": sent}
