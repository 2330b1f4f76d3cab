"""What a fault may cost: each trade of the ledger is stored once, or lies inside an unfilled gap record that holds.

A gap record holds when it is about the trade's own symbol and spans at most the fault plus 2 s. What the venue's REST
still held when it was asked about that symbol after the loss has no excuse: it had to be stored.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.audit.book import Key, Trade, fills_of
from tests.audit.gaps import Gaps, counted, holds, ids
from tests.audit.judge import Judge
from tests.audit.ledger import Ledger, Reply, within
from tests.audit.stream import Stored

ALLOWED = 2_000_000_000
"""By how many ns a record may be longer than the fault."""
EXAMPLES = 5
PRIVATE = {("binance", "futures"): frozenset({"insurance", "adl"})}
"""Kinds of trades that the venue's REST never shows: whoever missed one live can't learn of it."""
HELD, UNASKED, EARLY = "REST still held it", "REST was not asked", "REST was not asked again, when it had caught up"
GONE, UNSHOWN = "REST no longer held it", "no REST reply showed it"
Rule = Literal["held", "sampled"]
_ALONE = {"omitted", "silent", "damaged"}
"""What single trades may be kept away by, so that nothing but their numbers, or a sample, shows that they existed."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is judged together: one market's trades up to a serial, while one fault worked; times in ns.

    Attributes:
        market: ``binance.spot``, …
        last: the last serial; the first is the one after the market's span before.
        ended: when it was over; records that end until then belong to it.
        fault: from when to when the fault kept trades away. For a symbol it ends when a client subscribed to it again.
        since: REST replies from then on count; earlier ones died with the process that had them.
        rule: ``held``: what REST held at its turn must be stored. ``sampled``: the omission of single trades can't be
            noticed by ids, so only what a REST reply showed must be.
    """

    market: str
    last: int
    ended: int
    fault: tuple[int, int]
    since: int = 0
    rule: Rule = "held"


@dataclass(slots=True)
class Found:
    """What was found in one span. ``examples`` are sentences, ``why`` counts the reasons of recorded losses."""

    sent: int = 0
    lost_unrecorded: int = 0
    recorded: int = 0
    held: int = 0
    """Part of ``recorded``: REST held them, or was never asked, or lagged and was not asked again."""
    wide: int = 0
    """Records that span more than they may."""
    duplicated: int = 0
    misordered: int = 0
    wrong: int = 0
    false_gaps: int = 0
    unheard: int = 0
    """Sent to no client."""
    not_public: int = 0
    """Not stored, and never shown by REST: see :data:`PRIVATE`."""
    omitted: int = 0
    sampled: int = 0
    found: int = 0
    equal: int = 0
    """Rows without id that equal an earlier one."""
    why: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every rule held."""
        red = self.lost_unrecorded or self.held or self.wide or self.duplicated or self.misordered or self.wrong
        return not red

    def example(self, text: str) -> None:
        """Keep a sentence about a broken rule."""
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)


class Spans:
    """The spans of all markets, and what was found in each."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self.found = [Found() for _ in spans]
        self._of: dict[str, list[int]] = {}
        for number, span in sorted(enumerate(spans), key=lambda item: item[1].last):
            self._of.setdefault(span.market, []).append(number)

    def by_serial(self, market: str, serial: int) -> int | None:
        """Return the number of the span that a trade belongs to, None for a market or a time that is not judged."""
        numbers = self._of.get(market, [])
        place = bisect_left([self.spans[number].last for number in numbers], serial)
        return numbers[place] if place < len(numbers) else None

    def by_time(self, market: str, at: int) -> int | None:
        """Return the number of the span in which a moment lies; the last one where it is later than all."""
        numbers = self._of.get(market, [])
        place = bisect_left([self.spans[number].ended for number in numbers], at)
        return numbers[min(place, len(numbers) - 1)] if numbers else None


class Holes:
    """Judges a stream by spans: give it every stored message and every gap record, then ask for the verdict.

    Args:
        ledger: read with ``every``.
        spans: what is judged together; trades of a market after its last span are not judged.
    """

    def __init__(self, ledger: Ledger, spans: Sequence[Span]) -> None:
        self._ledger = ledger
        self._spans = Spans(spans)
        self._judge = Judge(ledger.book, markets=ledger.markets, heard=self._hear)
        self._gaps = Gaps()

    def trade(self, stored: Stored) -> None:
        """Take a message of ``trades.>``, in store order."""
        self._judge.take(stored)

    def gap(self, stored: Stored) -> None:
        """Take a message of ``gaps.>``."""
        self._gaps.take(stored)

    def verdict(self) -> list[Found]:
        """Return what was found, span by span in the order in which they were given."""
        self._judge.verdict()
        for key, trades in self._ledger.book.trades.items():
            _Symbol(self._ledger, self._spans, self._gaps, key, trades).judge()
        return self._spans.found

    def _hear(self, kind: str, market: str, trade: Trade | None, stored: Stored | None) -> None:
        """Book what the comparison of messages with trades found; what is missing is judged by its own rule."""
        if kind in {"lost", "gapped"}:
            return
        number = self._spans.by_serial(market, trade.serial) if trade is not None else None
        if number is None and stored is not None:
            number = self._spans.by_time(market, stored.at)
        if number is None:
            return
        found = self._spans.found[number]
        name = "wrong" if kind == "extra" else kind
        setattr(found, name, getattr(found, name) + 1)
        what = (
            f"{trade.instrument.native.name} {trade.id}" if trade is not None else stored.data[:200] if stored else ""
        )
        found.example(f"{kind}: {what!s}")


class _Symbol:
    """The rules for one instrument."""

    def __init__(self, ledger: Ledger, spans: Spans, gaps: Gaps, key: Key, trades: dict[str, Trade]) -> None:
        self._key, self._trades, self._spans = key, trades, spans
        self._market = f"{key[0]}.{key[1]}"
        self._replies = ledger.replies.get(key, [])
        self._subscribed = sorted(ledger.subscribed.get(key, []))
        self._records = gaps.admitting(key)
        self._fills = sorted((t for t in trades.values() if t.aggregate is None), key=lambda trade: trade.serial)
        self._missing: set[str] = set()

    def judge(self) -> None:
        """Judge its trades, then its records."""
        private = PRIVATE.get(self._key[:2], frozenset())
        lost: list[tuple[int, Trade]] = []
        for trade in self._fills:
            number = self._spans.by_serial(self._market, trade.serial)
            if number is None or not trade.owed:
                continue
            found = self._spans.found[number]
            _count(found, trade, self._replies)
            if trade.stored:
                continue
            self._missing.add(trade.id)
            if trade.kind in private:
                found.not_public += 1
            else:
                lost.append((number, trade))
        narrow = self._narrow()
        aggregates = self._whole_aggregates() if lost else {}
        for number, trade in lost:
            self._lost(number, trade, narrow, aggregates.get(trade.id))

    def _narrow(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the records that span no more than they may; the others are booked as too wide."""
        narrow = []
        for identity, record in self._records:
            number = self._spans.by_time(self._market, record["to"])
            if number is None:
                continue
            found, span = self._spans.found[number], self._spans.spans[number]
            inside = [trade for trade in self._fills if trade.owed and holds(record, trade)]
            found.false_gaps += not any(trade.id in self._missing for trade in inside)
            problem = _too_wide(record, inside, self._fault(span))
            if problem is None:
                narrow.append((identity, record))
            else:
                found.wide += 1
                found.example(f"record {self._market} {identity} ({record.get('cause')}, {record['state']}): {problem}")
        return narrow

    def _fault(self, span: Span) -> tuple[int, int]:
        """Return when the fault kept this symbol's trades away: until a client subscribed to it again."""
        start, end = span.fault
        again = self._subscribed[bisect_left(self._subscribed, start) : bisect_right(self._subscribed, span.ended)]
        return start, max([end, *again])

    def _lost(
        self, number: int, trade: Trade, narrow: Iterable[tuple[str, dict[str, Any]]], aggregate: Trade | None
    ) -> None:
        found, span = self._spans.found[number], self._spans.spans[number]
        if span.rule == "sampled" and trade.withheld in _ALONE and not _shown(trade, self._replies, span.since):
            return
        excuse = self._excuse(trade, aggregate, span)
        what = f"{self._market} {trade.instrument.native.name} {trade.id} at {trade.time}"
        record = next((record for _, record in narrow if holds(record, trade)), None)
        if record is None:
            found.lost_unrecorded += 1
            found.example(f"lost without a record: {what}; {excuse}")
            return
        found.recorded += 1
        found.why[f"{record.get('cause')}, {record['state']}: {excuse}"] += 1
        if excuse in {HELD, UNASKED, EARLY}:
            found.held += 1
            found.example(f"recorded as lost: {what}; {excuse}")

    def _excuse(self, trade: Trade, aggregate: Trade | None, span: Span) -> str:
        """Return why REST did not give a trade, in words; only :data:`GONE` and :data:`UNSHOWN` excuse."""
        if span.rule == "sampled":
            return HELD if _shown(trade, self._replies, span.since) else UNSHOWN
        later = [reply for reply in self._replies if reply.at > max(trade.time, span.since)]
        single = [reply for reply in later if not reply.aggregates]
        joined = [reply for reply in later if reply.aggregates]
        if any(within(trade.row, reply.held) for reply in single):
            return HELD
        if aggregate is not None and any(within(aggregate.row, reply.held) for reply in joined):
            return HELD
        if not single or (aggregate is not None and not joined):
            return UNASKED
        return EARLY if all(not reply.held or reply.held[-1][1] < trade.row for reply in single) else GONE

    def _whole_aggregates(self) -> dict[str, Trade]:
        """Return by fill the aggregate that stands for it, where none of its fills is stored."""
        whole: dict[str, Trade] = {}
        for aggregate in self._trades.values():
            if aggregate.aggregate is None or self._key[:2] != ("binance", "futures"):
                continue
            fills = list(fills_of(aggregate, self._trades))
            if not any(fill.stored for fill in fills):
                whole.update((fill.id, aggregate) for fill in fills)
        return whole


def _count(found: Found, trade: Trade, replies: Iterable[Reply]) -> None:
    found.sent += 1
    found.unheard += not trade.reached
    found.equal += trade.seq is None and trade.id.rpartition("-")[2] not in {"0", trade.id}
    if trade.withheld in _ALONE:
        found.omitted += 1
        if _shown(trade, replies, 0):
            found.sampled += 1
            found.found += trade.stored != 0


def _shown(trade: Trade, replies: Iterable[Reply], since: int) -> bool:
    """Whether a REST reply held the trade itself."""
    return any(not reply.aggregates and reply.at >= since and within(trade.row, reply.rows) for reply in replies)


def _too_wide(record: dict[str, Any], inside: Sequence[Trade], fault: tuple[int, int]) -> str | None:
    """Return what is wrong with a record's span, None when nothing is; ``inside`` are the ledger's trades in it."""
    start, end = fault
    span = ids(record)
    if span is not None and not inside:
        return None
    if span is not None and all(counted(trade) is not None for trade in inside):
        first, last = min(trade.time for trade in inside), max(trade.time for trade in inside)
        stored = [trade for trade in inside if trade.stored]
        if stored and record["state"] in {"open", "unfillable"}:
            return f"ids {span[0]} to {span[1]} hold {len(stored)} stored trades, such as {stored[0].id}"
    else:
        first, last = record["from"], record["to"]
    if last - first > end - start + ALLOWED:
        return f"spans {(last - first) / 1e9:.3f} s, the fault {(end - start) / 1e9:.3f} s"
    if last < start - ALLOWED or first > end + ALLOWED:
        return f"lies {(start - last) / 1e9:.3f} s before the fault or {(first - end) / 1e9:.3f} s after it"
    return None
