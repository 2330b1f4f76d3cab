"""Reading what a capture is made of: trades from their streams, and the records that tell what they lack."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from metdc_collector.backfill import proof
from metdc_collector.backfill.proof import Proof
from metdc_collector.captures import announcement
from metdc_collector.captures.completeness import Evidence, Stream
from metdc_collector.captures.moves import BASELINE, REFERENCE
from metdc_collector.captures.order import EARLIER, Order
from metdc_collector.captures.ticks import Market, market_of
from metdc_collector.catalogue import BUCKET as LISTS
from metdc_collector.catalogue import CatalogueFailed, unpack
from metdc_collector.proofs import BUCKET as PROOFS
from metdc_collector.stored.exporting import Choice, Row
from metdc_collector.stored.reading import JetStream, Reader, ReadError, Reading, Start, Stored
from metdc_collector.wire import gap as gaps
from metdc_collector.wire import instrument as instruments
from metdc_collector.wire import listing as listings
from metdc_collector.wire import subjects, trade
from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.gap import Gap
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.listing import Listing
from metdc_collector.wire.trade import Trade

_ALL = Start(time=1)


class Kept(NamedTuple):
    """A trade of the window, and its payload as stored."""

    trade: Trade
    payload: bytes


@dataclass(frozen=True, slots=True)
class Gathered:
    """The trades of a capture, in order.

    Attributes:
        trades: those of the window, and of the minutes before it those that a reference price may need.
        window: those of the window by instrument, with their payloads.
        read: messages of the coin that were looked at.
        refused: how many of them are no trade.
    """

    trades: Sequence[Trade]
    window: Mapping[Market, Sequence[Kept]]
    read: int
    refused: int

    def traded(self, order: Order) -> dict[Market, bool]:
        """Return the instruments with trades in the window, and whether one was before it."""
        before = {market_of(one) for one in self.trades if one.time < order.start}
        return {market: market in before for market in self.window}


class _Selection:
    """Takes what a capture needs of the coin's messages; of the time well before it each subject's last trade."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._needed = min(order.start, order.at + REFERENCE[0]) - BASELINE
        self.choice = Choice(order.start - EARLIER, order.end, lambda _: None)
        self._rows: list[Row] = []
        self._last: dict[str, Row] = {}

    def take(self, stored: Stored) -> None:
        row = self.choice.row(stored)
        if row is None or not self._order.wants(*row[0][1:3]):
            return
        if row[0][0] >= self._needed:
            self._rows.append(row)
        else:
            self._last[stored.subject] = max(row, self._last.get(stored.subject, row))

    def gathered(self) -> Gathered:
        known: dict[tuple[object, ...], Instrument] = {}
        trades: list[Trade] = []
        window: dict[Market, list[Kept]] = {}
        for _, payload in sorted([*self._rows, *self._last.values()]):
            one = trade.revive(payload, known)
            trades.append(one)
            if one.time >= self._order.start:
                window.setdefault(market_of(one), []).append(Kept(one, payload))
        return Gathered(trades, window, self.choice.read, self.choice.refused)


async def gather(jetstream: JetStream, order: Order) -> Gathered:
    """Read the coin's trades: stored from 11 minutes before the window until now, chosen by the exchange's time.

    Raises:
        ReadError: when the streams can't be read.
    """
    selection = _Selection(order)
    async for stored in _messages(jetstream, order.pattern("trades"), Start(time=order.read_from)):
        selection.take(stored)
    return selection.gathered()


async def evidence(jetstream: JetStream, order: Order) -> Evidence:
    """Read what tells of the window's completeness.

    Raises:
        ReadError: when it can't be read, or there is no stream of trades. What was never written is no failure.
    """
    known = await renewed(jetstream, order, Evidence(streams=()))
    return replace(known, listed=await _listed(jetstream, order))


async def renewed(jetstream: JetStream, order: Order, known: Evidence) -> Evidence:
    """Read again what changes while a window passes and collectors catch up: all but the lists, which are large.

    Raises:
        ReadError: when it can't be read.
    """
    return replace(
        known,
        streams=await _streams(jetstream, order),
        gaps=await _gaps(jetstream, order),
        changes=await _changes(jetstream, order),
        proofs=await _proofs(jetstream),
        listing=await _listing(jetstream, order),
    )


async def _messages(jetstream: JetStream, pattern: str, start: Start) -> AsyncGenerator[Stored, None]:
    """Yield what is stored of a pattern, if any stream holds it."""
    if not await jetstream.streams(pattern):
        return
    reader = Reader(jetstream, Reading(pattern, start, follow=False, say=_nothing, idle=_nothing))
    async with aclosing(reader.messages()) as messages:
        async for stored in messages:
            yield stored


async def _streams(jetstream: JetStream, order: Order) -> list[Stream]:
    found: list[Stream] = []
    pattern = order.pattern("trades")
    names = await jetstream.streams(pattern)
    if not names:
        raise ReadError(f"no stream holds {pattern} yet; is a collector running against this server?")
    for name in names:
        answer = await jetstream.info(name)
        state = answer["state"]
        oldest = datetime.fromisoformat(state["first_ts"] if state["messages"] else answer["ts"])
        nanoseconds = int(oldest.timestamp()) * SECOND + oldest.microsecond * 1_000
        found.append(Stream(name, answer["config"].get("subjects") or [], nanoseconds))
    return found


async def _gaps(jetstream: JetStream, order: Order) -> list[Gap]:
    records: list[Gap] = []
    async for stored in _messages(jetstream, order.pattern("gaps"), Start(time=order.read_from)):
        with suppress(InvalidMessage):  # another publisher's
            records.append(gaps.decode(stored.data))
    return gaps.newest(records)


async def _changes(jetstream: JetStream, order: Order) -> list[tuple[int, Instrument]]:
    found: list[tuple[int, Instrument]] = []
    async for stored in _messages(jetstream, order.pattern("instruments"), _ALL):
        with suppress(InvalidMessage):
            found.append((stored.time, instruments.decode(stored.data)))
    return found


async def _listing(jetstream: JetStream, order: Order) -> Listing | None:
    found: list[Listing] = []
    async for stored in _messages(jetstream, f"listings.*.*.{subjects.escape(order.base)}", _ALL):
        with suppress(InvalidMessage):
            found.append(listings.decode(stored.data))
    return announcement.fitting(order, found)


async def _listed(jetstream: JetStream, order: Order) -> dict[tuple[str, str], Sequence[Instrument]]:
    """Return the coin's instruments by the last good list of each market that was ever collected."""
    found: dict[tuple[str, str], Sequence[Instrument]] = {}
    async for stored in _messages(jetstream, f"$KV.{LISTS}.*.*", _ALL):
        with suppress(CatalogueFailed):  # Upbit's KRW market is in the same bucket, in another form
            kept = unpack(stored.data)
            _, _, exchange, market = stored.subject.split(".")
            found[exchange, market] = [one for one in kept.instruments.values() if one.base == order.base]
    return found


async def _proofs(jetstream: JetStream) -> dict[tuple[str, str], list[Proof]]:
    newest: dict[str, bytes] = {}
    async for stored in _messages(jetstream, f"$KV.{PROOFS}.>", _ALL):
        newest[stored.subject] = stored.data
    proofs, names = proof.decode(newest.values())
    markets = {one.pod: (one.exchange, one.market) for one in names}
    found: dict[tuple[str, str], list[Proof]] = {}
    for one in proofs:
        if one.pod in markets:
            found.setdefault(markets[one.pod], []).append(one)
    return found


def _nothing(_: str = "") -> None:
    """What a reader has to say is of no use here: what it can't read it raises."""
