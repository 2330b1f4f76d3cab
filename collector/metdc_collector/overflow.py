"""What memory has no room for: to the spool while NATS is away, and from there into the stream, beside live trades."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Newest, is_overtaken
from metdc_collector.publisher.claims import Claims
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.gate import Gate
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.publisher.stored import SKEW
from metdc_collector.settings import Settings
from metdc_collector.spool.folder import Segment
from metdc_collector.spool.losses import Losses
from metdc_collector.spool.record import Record
from metdc_collector.spool.spool import Spool
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.report import Backlog
from metdc_collector.wire.trade import Trade, decode

log = logging.getLogger(__name__)
_TICK = 0.05
_CHUNK = 500
_ADOPT = 60_000_000_000
_RETRY = 0.25
# Of the time to drain, what is left for writing a whole window to disk.
_SAVE = 8.0


class Overflow:
    """Sends trades to the spool once the window is full, and delivers it when NATS takes trades again.

    Before anything of the spool is published, all that the stream has stored since its oldest trade is read once, and
    what is found there, or is published by this process meanwhile, is left out. What a newer trade of its instrument
    has overtaken is marked ``late``.
    """

    def __init__(
        self,
        spool: Spool,
        publisher: Publisher,
        *,
        subjects: str,
        clock: Clock,
        peers: Callable[[], bool],
        found: Callable[[Trade], Sequence[Trade]],
        hold: float,
    ) -> None:
        """``subjects`` are those of the market's trades; ``peers`` tells whether another process publishes them.

        ``found`` returns as what to publish a trade that a dead process has spooled, if at all.

        Then, when NATS is back, new trades go to the spool for ``hold`` seconds more.
        """
        self.spool = spool
        self.busy = False
        self.since: int | None = None
        """Since when (ns) all that was received is on disk, or stored; null while memory has some of it."""
        self._publisher = publisher
        self._window = publisher.window
        self._subjects = subjects
        self._clock = clock
        self._peers = peers
        self._found = found
        self._hold = int(hold * 1e9)
        self._spooling = False
        self._claims: Claims | None = None
        self._newest: dict[str, Newest] = {}
        self._looked_at = 0
        self._in_hand: set[str] = set()
        self._next = 0
        self._handed: deque[tuple[int, Segment]] = deque()

    @property
    def behind(self) -> bool:
        """Whether sockets should wait: the disk is too slow, or there is none."""
        return self.spool.behind

    def take(self, trades: Sequence[Trade], known: int) -> bool:
        """Spool trades where memory is full; whether that was done. Asked only while busy, or while it is full."""
        if (self._spooling or self._window.full) and self.spool.usable:
            if not self._spooling:
                self.since = self._clock.now()
            self._spooling = self.busy = True
            self.spool.put(trades, known)
            return True
        if self._claims is not None:
            for trade in trades:
                self._note(trade)
        return False

    def relieve(self, fresh_since: int) -> None:
        """Spool the window as well, where it had to be looked up subject by subject: a spool is compared at once.

        Then live trades need not wait for it. Its segments are older than those that are there, and so come first.
        """
        if not self._spooling or self._claims is not None or not self._window.stale(fresh_since):
            return
        if self._window.bytes > self.spool.room:
            return  # its oldest trades would be given up for what is safe in memory
        self.spool.cut()
        for entry in self._window.give_away():
            self.spool.put((entry.trade,), entry.known)
        self.spool.cut()

    async def run(self) -> None:
        """Deliver whatever is spooled, as soon as NATS takes it, until cancelled."""
        adopted = self._clock.now()
        while True:
            await asyncio.sleep(_TICK)
            if self._clock.now() - adopted >= _ADOPT:
                adopted = self._clock.now()
                await self.spool.adopt()  # what a predecessor could not deliver before its end
            if self._passing() and self.spool.trades:
                await self._deliver()
            self.busy = self._spooling

    async def drain(self, seconds: float) -> bool:
        """Deliver window and spool; what time does not allow stays on disk. Whether nothing was lost."""
        given_up, end = self.spool.given_up, self._clock.now() + int((seconds - _SAVE) * 1e9)
        while len(self._window) or self.spool.trades:
            if self._clock.now() >= end:
                break
            await asyncio.sleep(_TICK)
        entries = self._window.entries
        if entries and not self.spool.usable:
            return await self._publisher.drain(_SAVE)
        for entry in entries:
            self.spool.put((entry.trade,), entry.known)
        self.since = 0
        await self.spool.settle()
        return self.spool.given_up == given_up

    # -- delivering

    def _passing(self) -> bool:
        """Whether new trades pass by the spool and are stored; they do again once the window is nearly empty."""
        if not self._publisher.usable:
            return False
        if self._spooling and self._window.low and not self._awaits_peers():
            self._spooling, self.since = False, None
        return not self._spooling

    def _awaits_peers(self) -> bool:
        """Whether others may still deliver what they had in memory, which new trades must not overtake."""
        return self._peers() and self._clock.now() - self._publisher.usable_since < self._hold

    async def _room(self) -> None:
        """Wait until trades of the spool may enter the window."""
        while not (self._passing() and self._window.roomy):  # noqa: ASYNC110 - see _TICK
            await asyncio.sleep(_TICK / 10)

    async def _deliver(self) -> None:
        """Publish what is spooled now; what comes later is a next delivery."""
        self._claims, self.busy = Claims(), True
        self._newest.clear()
        for entry in self._window.entries:
            self._note(entry.trade)
        segments = await self.spool.segments()
        if not segments:
            self._claims = None
            return
        count, start = sum(segment.count for segment in segments), self._clock.now()
        log.info("delivering %d spooled trades", count)
        await self._expect(self._claims, segments)
        self._next = 0
        await self._look(min(segment.since for segment in segments) - SKEW)
        for segment in segments:
            records = await self.spool.records(segment)
            while chunk := list(islice(records, _CHUNK)):
                await self._publish(self._claims, chunk, own=self.spool.owns(segment))
                await asyncio.sleep(0)  # it is written, and live trades have their turn
                await self._clear()
            self._handed.append((self._window.last, segment))
        while self._handed:
            await asyncio.sleep(_TICK)
            await self._clear()
        self._claims = None
        log.info("delivered %d spooled trades in %.1f s", count, (self._clock.now() - start) / 1e9)

    async def _expect(self, claims: Claims, segments: Sequence[Segment]) -> None:
        for segment in segments:
            for message_id in await self.spool.ids(segment):
                claims.expect(message_id)
        for part in range(claims.parts):
            claims.arrange(part)
            await asyncio.sleep(0)
        claims.start()

    async def _publish(self, claims: Claims, chunk: Sequence[Record], *, own: bool) -> None:
        """Hand those of the records to the publisher that nobody has stored."""
        await self._room()
        peers, state = self._peers(), self._publisher.state
        assert state is not None, "known wherever it is usable"
        # Others store the same market's trades, or have while NATS was lost to this process alone.
        if peers or self._looked_at < self._publisher.usable_since:
            await self._look(self._looked_at - SKEW)
        horizon = state.horizon_at(self._clock.now())
        unclaimed = [record for record in chunk if claims.claim(record.message_id)]
        self._publisher.counts.duplicates += len(chunk) - len(unclaimed)
        self.spool.give_up([self.spool.trade(record) for record in unclaimed if record.known < horizon])
        trades = [self.spool.trade(record) for record in unclaimed if record.known >= horizon]
        if not own:
            trades = [found for trade in trades for found in self._found(trade)]
        trades = await self._in_turn(trades) if peers else [self._in_order(trade) for trade in trades]
        # Without others, nothing can have been stored since the look but by this process, which has noted it.
        self._publisher.deliver(trades, self._looked_at if peers else self._clock.now())

    def _in_order(self, trade: Trade) -> Trade:
        """Return the trade, marked ``late`` where a newer one of its instrument went before it."""
        if not trade.late and not self._is_overtaken(trade):
            self._newest[trade.instrument.subject] = Newest(trade.id, trade.time, late=False, seq=trade.seq)
            return trade
        return trade._replace(late=True)

    def _is_overtaken(self, trade: Trade) -> bool:
        newest = self._newest.get(trade.instrument.subject)
        return newest is not None and is_overtaken(trade, newest)

    async def _in_turn(self, trades: Sequence[Trade]) -> list[Trade]:
        """Store what nothing newer has preceded, an instrument's trades one after the other; return the rest, late.

        Between a look and a write another process may store a newer trade: JetStream itself must compare the two.
        """
        late: list[Trade] = []
        self._in_hand = {trade.message_id for trade in trades}
        while trades := self._take_late(trades, late):
            await self._room()
            looks = self._publisher.looks
            assert looks is not None, "usable means that there is a stream to look at"
            try:
                found = await looks.last(list({trade.instrument.subject: None for trade in trades}))
            except LookFailed as error:
                log.debug("the spool waits: %s", error)
                await asyncio.sleep(_RETRY)
                continue
            await self._look(self._looked_at - SKEW)  # behind a late one, which tells nothing, there may be others
            for subject, (_, newest) in found.items():
                if newest is not None and not newest.late:
                    self._newest.setdefault(subject, newest)  # older than the spool, or the look has noted it
            trades = await self._store(trades, {subject: number for subject, (number, _) in found.items()}, late)
        return [trade for trade in late if trade.message_id in self._in_hand]

    async def _store(self, trades: Sequence[Trade], last: dict[str, int], late: list[Trade]) -> list[Trade]:
        """Store one trade of each instrument at a time; return what is left once something else has come between."""
        left = self._take_late(trades, late)
        while left:
            first: dict[str, Trade] = {}
            for trade in left:
                first.setdefault(trade.instrument.subject, trade)
            answers = await asyncio.gather(*(self._store_one(trade, last) for trade in first.values()))
            stored = {trade.message_id for trade, answer in zip(first.values(), answers, strict=True) if answer}
            left = self._take_late([trade for trade in left if trade.message_id not in stored], late)
            if not all(answers) or not all(last.get(subject) for subject in first):
                return left
        return left

    async def _store_one(self, trade: Trade, last: dict[str, int]) -> bool:
        """Store a trade behind the last message of its subject; whether it is stored."""
        subject = trade.instrument.subject
        try:
            number = await self._publisher.store_behind(trade, last.get(subject, 0))
        except LookFailed as error:
            log.debug("the spool waits: %s", error)
            last[subject] = 0  # not known any more
            return await self._holds(trade)
        if number is None:
            return False
        last[subject] = number
        self._note(trade)
        return True

    async def _holds(self, trade: Trade) -> bool:
        """Whether the stream holds a trade, as soon as it can be asked."""
        while True:
            await asyncio.sleep(_RETRY)
            await self._room()
            looks = self._publisher.looks
            assert looks is not None, "usable means that there is a stream to look at"
            try:
                return trade.message_id in await looks.since(trade.instrument.subject, trade.time)
            except LookFailed as error:
                log.debug("the spool waits: %s", error)

    def _take_late(self, trades: Sequence[Trade], late: list[Trade]) -> list[Trade]:
        """Add to ``late`` those of the trades that a newer one went before; return the others that are not stored."""
        left = []
        for trade in trades:
            if trade.message_id not in self._in_hand:
                self._publisher.counts.duplicates += 1  # another process has stored it since it was claimed
            elif trade.late or self._is_overtaken(trade):
                late.append(trade._replace(late=True))
            else:
                left.append(trade)
        return left

    def _note(self, trade: Trade) -> None:
        """A trade is published by another way than the spool."""
        assert self._claims is not None, "asked for only while a spool is delivered"
        self._claims.note(trade.message_id)
        if not trade.late and not self._is_overtaken(trade):
            self._newest[trade.instrument.subject] = Newest(trade.id, trade.time, late=False, seq=trade.seq)

    async def _clear(self) -> None:
        """Delete the segments all of whose trades are acknowledged: numbers are given in the window's order."""
        while self._handed:
            oldest = self._window.oldest
            if oldest is not None and oldest.number <= self._handed[0][0]:
                return
            await self.spool.remove(self._handed.popleft()[1])

    # -- looking at the stream

    async def _look(self, since: int) -> None:
        """Note all that was stored since a time (ns), or since the last look; wait for NATS where it is away."""
        while True:
            await self._room()
            looked_at, looks = self._clock.now(), self._publisher.looks
            assert looks is not None, "usable means that there is a stream to look at"
            try:
                async for rows in looks.rows(self._subjects, time=since, sequence=self._next):
                    self._seen([(row.subject, row.message_id, row.data) for row in rows])
                    self._next = int(rows[-1].sequence) + 1
            except LookFailed as error:
                log.debug("the spool waits: %s", error)
                await asyncio.sleep(_RETRY)
            else:
                self._looked_at = looked_at
                return

    def _seen(self, rows: Sequence[tuple[str, str, bytes]]) -> None:
        """Note stored messages: subject, id and payload of each."""
        assert self._claims is not None, "asked for only while a spool is delivered"
        newest: dict[str, bytes] = {}
        for subject, message_id, data in rows:
            self._claims.note(message_id)
            self._in_hand.discard(message_id)
            if not data.endswith(b'"late":true}'):
                newest[subject] = data
        for data in newest.values():
            try:
                self._note(decode(data))
            except InvalidMessage:
                continue  # another publisher's message proves nothing about ours


def overflow_of(
    settings: Settings, gate: Gate, clock: Clock, peers: Callable[[], bool], losses: Losses
) -> Overflow | None:
    """Give a gate's publisher its overflow, where a folder for it is configured."""
    if settings.spool is None:
        return None
    config, venue = settings.config, settings.venue
    spool = Spool(
        settings.spool / f"{config.namespace}.{config.name}.{config.market}.{config.shard}",
        process=f"{config.pod}-{clock.now()}",
        most=settings.spool_bytes,
        losses=losses,
    )
    subjects = f"trades.{venue.exchange}.{venue.market}.>"
    overflow = Overflow(
        spool,
        gate.publisher,
        subjects=subjects,
        clock=clock,
        peers=peers,
        found=gate.found,
        hold=Timers().hold_behind_peer,
    )
    gate.publisher.overflow = overflow
    return overflow


def backlog_of(gate: Gate, overflow: Overflow | None) -> Backlog:
    """Return what is received and not acknowledged; what is under way of a spool that is delivered counts twice."""
    window, unstored = gate.publisher.window, unstored_since(gate.publisher, overflow)
    trades, size = len(window) + gate.held, window.bytes
    if overflow is not None:
        trades, size = trades + overflow.spool.trades, size + overflow.spool.size
    times = [*gate.waiting().values(), *([] if unstored is None else [unstored])]
    return Backlog(trades, size, min(times, default=None))


def unstored_since(publisher: Publisher, overflow: Overflow | None) -> int | None:
    """Return when the oldest trade was received (ns) that is on its way to the stream or on disk; null if none is."""
    entry = publisher.window.oldest
    times = [] if entry is None else [entry.trade.received]
    if overflow is not None and (spooled := overflow.spool.oldest) is not None:
        times.append(spooled)
    return min(times, default=None)
