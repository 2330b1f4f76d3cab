"""Where trades enter: at once on a connection that runs, held back on one that starts or comes back."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import (
    First,
    Joining,
    Jump,
    Newest,
    Order,
    Shown,
    first_of,
    may_join,
    split,
    unstored,
    without_stored_fills,
)
from metdc_collector.coverage import Blind, Coverage
from metdc_collector.exchanges.base import Parsed
from metdc_collector.exchanges.history import Mark
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.publisher.turn import Turn
from metdc_collector.publisher.window import MOST_BYTES
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)
_TICK = 0.05
# What a held trade takes of memory, roughly.
_TRADE_BYTES = 600
# Snapshots (a thousand rows a symbol, on Phemex) come faster than they can be stored: they enter no faster than NATS
# takes them, or a start would cost a hundred megabytes.
_SNAPSHOT_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class GateCounts:
    """Trades that came in, those of them that were rows of snapshots, and rows too old to be judged by the stream."""

    received: int = 0
    replayed: int = 0
    expired: int = 0


@dataclass(slots=True, eq=False)
class Gate:
    """Publishes what connections receive, in each symbol's order.

    Attributes:
        publisher: where trades go.
        order: marks what comes late.
        peers: whether another pod of the market may be alive: then what came before is waited for longer.
        coverage: which instruments are listened to.
        blind: times in which nobody listened to an instrument, and the newest trade before each.
        begun: since when those of the first list are listened to, ns.
        firsts: the first trade of each instrument that was let in.
    """

    publisher: Publisher
    order: Order
    clock: Clock
    timers: Timers
    peers: Callable[[], bool]
    coverage: Coverage = field(default_factory=Coverage)
    blind: list[tuple[Blind, Mark | None]] = field(default_factory=list)
    begun: dict[str, int] = field(default_factory=dict)
    firsts: dict[str, First] = field(default_factory=dict)
    counts: GateCounts = field(default_factory=GateCounts)
    last_trade: int | None = None
    held: int = 0
    _stored: dict[str, Newest | None] = field(default_factory=dict)
    _shown: dict[str, Shown] = field(default_factory=dict)
    _joining: dict[int, dict[str, Joining]] = field(default_factory=dict)
    _stepping: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def full(self) -> bool:
        """Whether to stop reading sockets."""
        most = _SNAPSHOT_BYTES if self.publisher.usable else MOST_BYTES
        return self.publisher.full or self.held * _TRADE_BYTES >= most

    def join(self, connection: int, instruments: Sequence[Instrument]) -> None:
        """A connection starts to stream these instruments, or streams them again."""
        self.coverage.ask(connection, [instrument.name for instrument in instruments], self.clock.now())
        joinings = self._joining.setdefault(connection, {})
        for instrument in instruments:
            joinings.setdefault(instrument.name, Joining(instrument))

    def cover(self, connection: int, names: Collection[str]) -> None:
        """The venue has acknowledged these instruments, or sends them."""
        self._note(self.coverage.cover(connection, names, self.clock.now()))

    def drop(self, names: Collection[str]) -> None:
        """These instruments are wanted no longer."""
        self.coverage.forget(names)

    def leave(self, connection: int, proof: int) -> None:
        """A connection has ended; what it had received is let in all the same."""
        self._note(self.coverage.leave(connection, proof))
        joinings = self._joining.get(connection, {})
        for name in [name for name, joining in joinings.items() if not joining.trades]:
            del joinings[name]
        if not joinings:
            self._joining.pop(connection, None)

    def receive(self, connection: int, parsed: Parsed, known: int) -> None:
        """Take the trades of a frame, which cannot have been stored by another pod before ``known`` (ns)."""
        trades = parsed.trades
        self.counts.received += len(trades)
        joinings = self._joining.get(connection)
        if parsed.replayed:  # also a snapshot in mid-stream is compared with what is stored
            self.counts.replayed += len(trades)
            joinings = self._joining.setdefault(connection, {})
            for trade in trades:
                joinings.setdefault(trade.instrument.name, Joining(trade.instrument))
        if not joinings:
            for instrument, skipped in parsed.skipped:
                self.order.skip(instrument.name, skipped)
            if trades:
                self.last_trade = trades[-1].time
                self.publisher.publish(self.order.mark(trades), known)
            return
        for instrument, skipped in parsed.skipped:
            if (joining := joinings.get(instrument.name)) is None:
                self.order.skip(instrument.name, skipped)
            elif joining.first is None:
                joining.first = skipped
        now = self.clock.now()
        for trade in trades:
            self.last_trade = trade.time
            if (joining := joinings.get(trade.instrument.name)) is None:
                self.publisher.publish(self.order.mark((trade,)), known)
            else:
                joining.add((trade,), replayed=parsed.replayed, now=now, known=known)
                self.held += 1

    def unread(self, names: Collection[str], since: int) -> None:
        """A frame that came after ``since`` (ns) and names these instruments could not be read.

        Where numbers count, the next trade shows what was in it, unless it is the first that anybody knows of.
        """
        now = self.clock.now()
        blind = [name for name in names if not self.order.consecutive or self.heard(name) is None]
        self._note([Blind(name, min(since, now - 1), now, unread=True) for name in blind])

    def release(self) -> None:
        """Let everybody in without a look at the stream, since there is none, and memory or time runs out.

        Rows of a snapshot count as stored at any time since they happened: they are compared before they are published.
        """
        for joinings in self._joining.values():
            for joining in joinings.values():
                self._enters(joining, None)
                replayed, live = joining.trades[: joining.replayed], joining.trades[joining.replayed :]
                if replayed:
                    self.publisher.publish(self.order.mark(replayed), min(trade.time for trade in replayed))
                self.publisher.publish(self.order.mark(live), joining.known)
        self._joining.clear()
        self.held = 0

    # -- for those who look after holes

    @property
    def usable(self) -> bool:
        """Whether the stream can be asked."""
        return self.publisher.usable and self.publisher.looks is not None

    def news(self) -> tuple[Sequence[tuple[Blind, Mark | None]], Sequence[Jump]]:
        """Take what has been noticed since the last call."""
        blind, self.blind = self.blind, []
        jumps, self.order.jumps = self.order.jumps, []
        return blind, jumps

    def newest(self, name: str) -> Mark | None:
        """The newest trade of an instrument that was accepted, or is stored."""
        return self.order.newest(name)

    def heard(self, name: str) -> Mark | None:
        """The newest trade of an instrument that was received, also one that waits for its predecessor."""
        accepted = self.order.newest(name)
        heard = [] if accepted is None else [accepted]
        for joining in self._joinings_of(name):
            if len(joining.trades) > joining.replayed:
                last = joining.trades[-1]
                heard.append(Mark(last.id, last.time, last.seq))
        return max(heard, key=lambda mark: mark.time, default=None)

    def waits(self, name: str) -> bool:
        """Whether trades of an instrument have been received and wait for their predecessor."""
        return any(joining.trades for joining in self._joinings_of(name))

    def waiting(self) -> Mapping[str, int]:
        """The instruments of which that is so, and when the first of these trades was received (ns)."""
        found: dict[str, int] = {}
        for joinings in self._joining.values():
            for name, joining in joinings.items():
                if joining.trades:
                    received = joining.trades[0].received
                    found[name] = min(received, found.get(name, received))
        return found

    def shown(self, name: str) -> Shown | None:
        """The last snapshot of an instrument that was let in; null while there is none, or one waits."""
        waits = any(joining.replayed for joining in self._joinings_of(name))
        return None if waits else self._shown.get(name)

    def _joinings_of(self, name: str) -> list[Joining]:
        return [joinings[name] for joinings in self._joining.values() if name in joinings]

    def stored_before(self, name: str) -> Mark | None:
        """What the stream held of an instrument before this process added anything, as far as it was looked for."""
        found = self._stored.get(name)
        if found is None:
            return None
        return Mark(found.id, found.time, found.seq if self.order.consecutive else None)

    def covered(self) -> frozenset[str]:
        """What this process listens to, or has listened to until lately."""
        return self.coverage.known

    def uncovered(self) -> Mapping[str, int | None]:
        """What nobody listens to now, and since when."""
        return self.coverage.dark

    async def prime(self, instruments: Sequence[Instrument]) -> bool:
        """Look at what the stream holds of each instrument that nothing was received of yet; whether it could be."""
        looks = self.publisher.looks
        if looks is None or not self.publisher.usable:
            return False
        unknown = [one for one in instruments if one.name not in self._stored]
        try:
            newest = await looks.newest([one.subject for one in unknown])
        except LookFailed as error:
            log.debug("what is stored is not known yet: %s", error)
            return False
        for one in unknown:
            found = newest.get(one.subject)
            if one.name not in self._stored:  # meanwhile its first trade may have been let in
                self._stored[one.name] = found
                if found is not None:
                    self.order.resume(one.name, found)
        return True

    async def settled(self) -> None:
        """Return when all that was accepted before is acknowledged, or NATS is away."""
        await self.publisher.settled()

    async def held_of(self, instrument: Instrument, time: int) -> Mapping[str, int] | None:
        """Message ids, with times, that may have been stored of an instrument since ``time`` (ns); null if unknown."""
        looks = self.publisher.looks
        if looks is None or not self.publisher.usable:
            return None
        try:
            return await looks.since(instrument.subject, time)
        except LookFailed as error:
            log.debug("%s", error)
            return None

    async def restore(self, trades: Sequence[Trade], known: int, newest: int | None = None) -> None:
        """Publish back-filled trades of one instrument, without which the stream was at ``known`` (ns).

        Those older than ``newest`` (ns), the newest that it held of the instrument, are late, whoever stored that; and
        beside another process those that are overtaken by what it stores meanwhile.
        """
        turn = Turn(self.publisher)
        for trade in trades:
            for marked in self._marked(trade, newest):
                left: Trade | None = marked
                if self.peers() and not marked.late and turn.possible:
                    left, overtaker = await turn.store(marked)
                    if overtaker is not None:
                        self.order.resume(marked.instrument.name, overtaker)
                if left is not None:
                    self.publisher.publish((left,), known)

    def _marked(self, trade: Trade, newest: int | None) -> list[Trade]:
        late = trade.late or (newest is not None and trade.time < newest)
        trade = trade._replace(late=late)
        last = self.order.newest(trade.instrument.name)
        if trade.aggregate is None or last is None or last.id.startswith("agg:"):
            return self.order.mark((trade,))
        # It stands for fills amid others, none of which is stored.
        return [trade._replace(late=late or trade.time < last.time)]

    def found(self, trade: Trade) -> list[Trade]:
        """Return a trade that another process has left on disk, as it is to be published.

        It has its place in the order as if it came now, once it is known what the stream held before.
        """
        return [trade] if self.order.newest(trade.instrument.name) is None else self.order.mark((trade,))

    def _note(self, blinds: Sequence[Blind]) -> None:
        self.blind += [(blind, self.order.newest(blind.name)) for blind in blinds]
        self.begun.update((blind.name, blind.end) for blind in blinds if blind.start is None)

    def _enters(self, joining: Joining, newest: Newest | None) -> None:
        if joining.trades and joining.instrument.name not in self.firsts:
            first = first_of(joining, newest, consecutive=self.order.consecutive)
            self.firsts[joining.instrument.name] = first

    async def run(self) -> None:
        """Let joining instruments in as soon as that is right, until cancelled."""
        while True:
            await asyncio.sleep(_TICK)
            await self.step()

    async def step(self, *, last: bool = False) -> None:
        """Look at the stream once and let in whom it allows; at the ``last``, all where nobody can be overtaken."""
        async with self._stepping:
            await self._step(at_once=last and not self.peers())

    async def _step(self, *, at_once: bool) -> None:
        waiting = [
            (connection, joining)
            for connection, joinings in self._joining.items()
            for joining in joinings.values()
            if joining.trades
        ]
        looks = self.publisher.looks
        if not waiting or looks is None or not self.publisher.usable:
            if self.held * _TRADE_BYTES >= MOST_BYTES and self.publisher.overflow is not None:
                self.release()
            return
        try:
            looked_at = self.clock.now()
            newest = await looks.newest(sorted({joining.instrument.subject for _, joining in waiting}))
            for connection, joining in waiting:
                stored = newest.get(joining.instrument.subject)
                if at_once or self._due(joining) or may_join(joining, stored, consecutive=self.order.consecutive):
                    await self._let_in(connection, joining, stored, looked_at)
        except LookFailed as error:
            log.debug("joining waits: %s", error)

    async def _room(self) -> None:
        """Wait until a snapshot's rows can be written soon."""
        while self.publisher.usable and self.publisher.window.bytes >= _SNAPSHOT_BYTES:  # noqa: ASYNC110 - see _TICK
            await asyncio.sleep(_TICK / 10)

    def _due(self, joining: Joining) -> bool:
        assert joining.since is not None, "set with the first trade"
        hold = self.timers.hold_behind_peer if self.peers() else self.timers.hold
        # After an outage of NATS the others deliver what they have kept before this one may overtake them.
        return self.clock.now() - max(joining.since, self.publisher.usable_since) >= int(hold * 1e9)

    async def _let_in(self, connection: int, joining: Joining, newest: Newest | None, looked_at: int) -> None:
        """Publish what an instrument has received, without rows that the stream holds; then it runs."""
        name = joining.instrument.name
        self._stored.setdefault(name, newest)
        self._enters(joining, newest)
        if newest is not None:
            self.order.resume(name, newest)
        replayed = joining.trades[: joining.replayed]
        if replayed:
            looks, state = self.publisher.looks, self.publisher.state
            assert looks is not None, "step has checked"
            assert state is not None, "known wherever looks are"
            await self._room()
            rows = split(replayed, newest, state.horizon_at(looked_at))
            earliest = min((trade.time for trade in rows.doubtful), default=None)
            stored = {} if earliest is None else await looks.since(joining.instrument.subject, earliest)
            if joining.replayed > len(replayed):
                return  # more of the snapshot has come meanwhile: the next step takes all of it
            self.counts.expired += len(rows.expired)
            self.publisher.publish(self.order.mark(unstored(rows, stored)), looked_at)
            oldest = replayed[0]
            assert joining.since is not None, "set with the first trade"
            self._shown[name] = Shown(Mark(oldest.id, oldest.time, oldest.seq), joining.since)
        live = without_stored_fills(joining.trades[joining.replayed :], newest)
        self.publisher.publish(self.order.mark(live), joining.known)
        self.held -= len(joining.trades)
        joinings = self._joining[connection]
        del joinings[joining.instrument.name]
        if not joinings:
            del self._joining[connection]
