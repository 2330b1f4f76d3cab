"""What a capture lacks, and why: by gap records, proofs, instrument records and what the streams still hold. Pure.

Times are ns. A collector's proof says up to when an instrument's trades are known: of what lies before it gap records
tell what is missing. What lies behind it nobody has proven: the collector is down, behind, or still looking.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from metdc_collector.backfill.proof import Proof, proven_until
from metdc_collector.captures.order import Order
from metdc_collector.captures.ticks import Market
from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.gap import Gap
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.listing import Listing
from metdc_collector.wire.streams import covers

PATIENCE = 900 * SECOND
"""How long after the window something may still come; afterwards the result is final whatever is missing."""
FLIGHT = SECOND
"""A trade may reach a collector so much later than the exchange says that it was."""
_LOOSE = 2 * SECOND
"""By how much a gap's edges may be off where numbers don't count."""

State = Literal["Provisional", "Final"]
LackReason = Literal["gap", "not_proven", "not_stored", "not_listed", "collected_since"]
MissingReason = Literal["not_listed", "not_collected", "not_stored"]


class Lack(NamedTuple):
    """A span of one instrument that may lack trades.

    Attributes:
        start, end: within the window.
        text: in words.
        open: it may still be filled.
    """

    reason: LackReason
    start: int
    end: int
    text: str
    open: bool


class Missing(NamedTuple):
    """A market of which nothing is captured, and why."""

    exchange: str
    market: str
    reason: MissingReason
    text: str


class Stream(NamedTuple):
    """A stream of trades: its subjects, and when the oldest message that it holds was stored."""

    name: str
    subjects: Sequence[str]
    oldest: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read beside the trades; a market here is (exchange, market).

    Attributes:
        gaps: the newest record of each gap of the coin.
        changes: instrument records of the coin and when each was stored, in that order.
        listed: of each market that was ever collected, the coin's instruments by its last good list.
        proofs: of each market.
        listing: the event that told of the coin's listing; null where none was stored.
    """

    streams: Sequence[Stream]
    gaps: Sequence[Gap] = ()
    changes: Sequence[tuple[int, Instrument]] = ()
    listed: Mapping[tuple[str, str], Sequence[Instrument]] = field(default_factory=dict)
    proofs: Mapping[tuple[str, str], Sequence[Proof]] = field(default_factory=dict)
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a capture holds and lacks.

    Attributes:
        markets: the instruments that are captured, with what each lacks.
        missing: known markets without one.
    """

    markets: Mapping[Market, Sequence[Lack]]
    missing: Sequence[Missing]
    state: State


def judge(order: Order, evidence: Evidence, traded: Mapping[Market, bool], now: int) -> Judgement:
    """Return what the window lacks.

    ``traded`` tells of each instrument with trades whether one was before the window.
    """
    instruments = _instruments(order, evidence, traded)
    young = now < order.end + PATIENCE
    held = {
        market: lacks
        for market in sorted(instruments)
        if (lacks := _lacks(order, evidence, market, traded=traded, young=young)) is not None
    }
    unsettled = any(lack.open for lacks in held.values() for lack in lacks)
    missing = _missing(order, evidence, held, instruments)
    return Judgement(held, missing, "Provisional" if unsettled else "Final")


def collected(order: Order, evidence: Evidence) -> dict[Market, Sequence[Proof]]:
    """Return the coin's instruments that some collector says it listens to, with the proofs of their market."""
    return {
        _market(instrument): proofs
        for market, proofs in evidence.proofs.items()
        if order.wants(*market)
        for instrument in _known(evidence, market)
        if any(instrument.name in proof.names for proof in proofs)
    }


def proven(order: Order, evidence: Evidence) -> bool:
    """Whether all that is collected of the window is stored, by what the collectors have proven."""
    return all(
        (proven_until(proofs, market.instrument) or 0) >= order.end + FLIGHT
        for market, proofs in collected(order, evidence).items()
    )


# -- which instruments


def _known(evidence: Evidence, market: tuple[str, str]) -> list[Instrument]:
    """Return the coin's instruments of a market, each as it was told last."""
    told = {one.name: one for _, one in evidence.changes if (one.exchange, one.market) == market}
    return list((told | {one.name: one for one in evidence.listed.get(market, ())}).values())


def _market(instrument: Instrument) -> Market:
    return Market(instrument.exchange, instrument.market, instrument.symbol, instrument.name)


def _instruments(order: Order, evidence: Evidence, traded: Collection[Market]) -> set[Market]:
    """Return what trades, or was collected, or is told of by a gap."""
    announced = {_market(one) for _, one in evidence.changes if order.wants(one.exchange, one.market)}
    gapped = {
        Market(gap.exchange, gap.market, f"{gap.base}-{gap.quote}", gap.instrument)
        for gap in evidence.gaps
        if order.wants(gap.exchange, gap.market)
    }
    return {*traded, *announced, *gapped, *collected(order, evidence)}


def _missing(
    order: Order, evidence: Evidence, held: Collection[Market], instruments: Collection[Market]
) -> list[Missing]:
    """Return the known markets of which nothing is held."""
    known = {*evidence.listed, *evidence.proofs, *((one.exchange, one.market) for one in instruments)}
    has = {(one.exchange, one.market) for one in held}
    found: list[Missing] = []
    for exchange, market in sorted(known - has):
        if not order.wants(exchange, market):
            continue
        listed = [one for one in _known(evidence, (exchange, market)) if _was_listed(one, order, evidence)]
        gone = [stream for stream in _streams(evidence, exchange, market) if stream.oldest >= order.end]
        if gone and listed:
            text = f"{gone[0].name} holds nothing that was stored then"
            found.append(Missing(exchange, market, "not_stored", text))
        elif listed:
            names = ", ".join(sorted(one.symbol for one in listed))
            found.append(Missing(exchange, market, "not_collected", f"{names} is listed, and no collector takes it"))
        else:
            found.append(Missing(exchange, market, "not_listed", f"{order.base} was not listed there at that time"))
    return found


def _was_listed(instrument: Instrument, order: Order, evidence: Evidence) -> bool:
    """Whether an instrument was listed at some time of the window, as far as is known."""
    if instrument.listed is not None and instrument.listed >= order.end:
        return False
    told = [one for at, one in evidence.changes if one.name == instrument.name and at <= order.start]
    before = [one for one in told if (one.exchange, one.market) == (instrument.exchange, instrument.market)]
    ended = instrument.delisted is not None and instrument.delisted <= order.start
    return not ended and not (before and before[-1].status == "delisted")


# -- what an instrument lacks


def _lacks(
    order: Order, evidence: Evidence, market: Market, *, traded: Mapping[Market, bool], young: bool
) -> list[Lack] | None:
    """Return what an instrument lacks in the window; null when it is missing as a whole."""
    instrument = next((one for one in _known(evidence, market[:2]) if one.name == market.instrument), None)
    oldest = [stream.oldest for stream in _streams(evidence, market.exchange, market.market)]
    if market not in traded and (
        (instrument is not None and not _was_listed(instrument, order, evidence))
        or (oldest and min(oldest) >= order.end)
    ):
        return None
    found = [_gap(order, gap, young=young) for gap in evidence.gaps if _is_of(gap, market)]
    found += [_unproven(order, evidence, market, young=young)]
    found += [_not_stored(order, oldest, earlier=traded.get(market, False))]
    found += [_since(order, evidence, market, instrument, earlier=traded.get(market, False))]
    return sorted(lack for lack in found if lack is not None)


def _is_of(gap: Gap, market: Market) -> bool:
    return (gap.exchange, gap.market, gap.instrument) == (market.exchange, market.market, market.instrument)


def _gap(order: Order, gap: Gap, *, young: bool) -> Lack | None:
    """Return a gap that reaches into the window and is not filled."""
    loose = _LOOSE if gap.first_missing is None else 0
    start, end = max(order.start, gap.start - loose), min(order.end, gap.end + loose)
    if gap.state in ("filled", "empty") or start >= end:
        return None
    missing = "trades" if gap.missing is None else f"{gap.missing} trades"
    return Lack(
        "gap", start, end, f"{missing} may be missing ({gap.cause}): {gap.state}", gap.state == "open" and young
    )


def _unproven(order: Order, evidence: Evidence, market: Market, *, young: bool) -> Lack | None:
    """Return the part of the window of which no collector says that it has all."""
    until = proven_until(evidence.proofs.get(market[:2], ()), market.instrument)
    if until is not None and until >= order.end + FLIGHT:
        return None
    start = order.start if until is None else max(order.start, min(until - FLIGHT, order.end))
    text = "no collector has proven this time: it is down, behind, or still looking"
    return Lack("not_proven", start, order.end, text, young)


def _not_stored(order: Order, oldest: Iterable[int], *, earlier: bool) -> Lack | None:
    """Return the part of the window from before the oldest message of the market's streams."""
    begin = min(oldest, default=order.start)
    if begin <= order.start or earlier:
        return None
    return Lack(
        "not_stored", order.start, min(begin, order.end), "the stream holds nothing that was stored then", open=False
    )


def _since(
    order: Order, evidence: Evidence, market: Market, instrument: Instrument | None, *, earlier: bool
) -> Lack | None:
    """Return the part of the window from before the instrument was listed, or anybody collected it."""
    if instrument is not None and instrument.listed is not None and order.start < instrument.listed < order.end:
        return Lack("not_listed", order.start, instrument.listed, "it was not listed yet", open=False)
    stored = [at for at, one in evidence.changes if _market(one) == market]
    if not stored or earlier or stored[0] <= order.start:
        return None
    return Lack("collected_since", order.start, min(stored[0], order.end), "no collector took it yet", open=False)


def _streams(evidence: Evidence, exchange: str, market: str) -> list[Stream]:
    pattern = f"trades.{exchange}.{market}.>"
    return [one for one in evidence.streams if any(covers(subject, pattern) for subject in one.subjects)]
