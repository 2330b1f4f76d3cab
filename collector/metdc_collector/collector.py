"""One market's collector: the parts put together, from start to the last acknowledgement."""

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Mapping

from metdc_collector.access import trust, within_limits
from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Order
from metdc_collector.exchanges.base import Channel, Refusal, Rhythm
from metdc_collector.fleet import Fleet
from metdc_collector.handover import Start, Succession
from metdc_collector.health import Turning
from metdc_collector.membership import membership
from metdc_collector.overflow import backlog_of
from metdc_collector.peers import Peers, ReportFailed, living
from metdc_collector.publisher.gate import Gate
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.readiness import Backlogs
from metdc_collector.recovery import Recovery
from metdc_collector.score import PerSecond, identity, score
from metdc_collector.session.policy import State
from metdc_collector.settings import InvalidSettings, Settings
from metdc_collector.tasks import beside, end
from metdc_collector.wire import report as reports
from metdc_collector.wire.instrument import Instrument

log = logging.getLogger(__name__)
_STEP_ALARM = 1_000_000_000
_FIRST_REPORT = 0.05
# Seconds that sockets may take to close: with the time to drain, less than the grace of 60 s that a pod is given.
_CLOSING = 3.0
_REPORT_RETRY = 1.0


class Collector:
    """Streams one market until told to stop; answers for its health at any time."""

    def __init__(self, settings: Settings, *, clock: Clock, timers: Timers, rhythm: Rhythm) -> None:
        venue = settings.venue
        self.settings = settings
        self.clock = clock
        self.timers = timers
        self.turning = Turning()
        self._rhythm = rhythm
        self._started = clock.now()
        self._state: reports.State = "starting"
        self._acknowledged = False
        self._report_problem: str | None = None
        self._peers: list[reports.Report] | None = None  # not known yet
        self._backlogs = _backlogs(settings, timers)
        self._fleet: Fleet | None = None
        self._rate = PerSecond()
        self._listed_at: int | None = None
        self._ended: int | None = None
        self._succession = Succession()

        self.publisher = _publisher(settings, clock, timers)
        order = Order(venue.channels[0].consecutive)
        self.gate = Gate(self.publisher, order, clock, timers, peers=lambda: self._peers is None or bool(self._peers))
        self._bucket = _reports(settings, self.publisher, timers)
        # One context for all connections: each of its own would cost 0.8 MiB.
        self._tls = _trust(settings)
        self._connects, self._rest = within_limits(
            venue, settings.endpoints, share=settings.limit_share, clock=clock, tls=self._tls, key=settings.key
        )
        self.recovery = Recovery(
            settings=settings,
            gate=self.gate,
            publisher=self.publisher,
            rest=self._rest,
            clock=clock,
            timers=timers,
            fleet=lambda: self._fleet,
            peers=lambda: bool(self._peers),
        )
        self._overflow = self.recovery.overflow
        self._members = membership(settings, self.publisher, self._rest, clock, timers, tls=self._tls)

    async def run(self, stop: asyncio.Event) -> bool:
        """Stream until ``stop`` is set, then deliver what was accepted; whether all was acknowledged or spooled."""
        await self.recovery.open()
        streaming = asyncio.create_task(self._stream())
        background = [
            asyncio.create_task(self.publisher.run()),
            asyncio.create_task(self.gate.run()),
            asyncio.create_task(self.recovery.run()),
            asyncio.create_task(self._report_for_ever()),
            asyncio.create_task(self._turn()),
        ]
        if self._overflow is not None:
            background.append(asyncio.create_task(self._overflow.run()))
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({stopped, streaming, *background}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # these never end by themselves: whatever ended one is a fault of this program
            return await self._drain(streaming)
        finally:
            await end((streaming, stopped, *background))
            if self._overflow is not None:
                await self._overflow.spool.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING):  # a frozen server takes no farewell
                    await self.publisher.link.close()
            self._rest.close()
            if self._members.krw is not None:
                self._members.krw.rest.close()

    # -- streaming

    async def _stream(self) -> None:
        chosen = await self._members.choose()
        venue = self.settings.venue
        address = self.settings.endpoints.web_socket
        log.info("%s %s: %d instruments from %s", venue.exchange, venue.market, len(chosen.wanted), address)
        self._fleet = fleet = Fleet(
            venue=venue,
            address=address,
            rhythm=self._rhythm,
            instruments=dict(chosen.wanted),
            sink=self.gate,
            clock=self.clock,
            timers=self.timers,
            connects=self._connects,
            rest=self._rest,
            random=random.random,
            tls=self._tls,
            changed=self._use,
        )
        self.gate.coverage.want(chosen.wanted)
        self._listed_at = self._members.listed_at
        self._state = "streaming"
        async with beside(self._members.refresh(self._update)):
            await fleet.run()

    def _update(self, wanted: Mapping[str, Instrument]) -> None:
        """Stream these from now on; what is new did not trade before the list that was read last."""
        assert self._fleet is not None, "set before the list is read again"
        self.gate.coverage.want(wanted, self._listed_at)
        self._listed_at = self._members.listed_at
        self._fleet.update(wanted)

    def _use(self, channel: Channel) -> None:
        self.gate.order = Order(channel.consecutive)

    # -- stopping

    async def _drain(self, streaming: "asyncio.Task[None]") -> bool:
        """Stop reading, await acknowledgements, leave a last report."""
        self._state, self._ended = "draining", self.clock.now()
        end = self.clock.now() + int(self.timers.drain * 1e9)
        streaming.cancel()
        await asyncio.wait({streaming}, timeout=_CLOSING)
        overflow = self._overflow
        while self.gate.held and self.clock.now() < end:
            await self.gate.step(last=True)
            await asyncio.sleep(0.01)
            if overflow is not None and not self.publisher.usable:
                self.gate.release()
        if self.publisher.usable:
            await self.recovery.sampler.finish(min(end, self._soon()))
        drain = self.publisher.drain if overflow is None else overflow.drain
        drained = await drain((end - self.clock.now()) / 1e9) and not self.gate.held
        self._state = "stopped"
        await self.recovery.prove()
        if self.publisher.link.connected:
            soon = self._soon()
            await self.recovery.ledger.flush(lambda: self.clock.now() < soon)
            with contextlib.suppress(ReportFailed):
                await self._bucket.put(self.report())
        left = len(self.publisher.window) + self.gate.held
        if drained and overflow is not None and overflow.spool.trades:
            log.warning("stopped: what is not acknowledged waits in the spool, %d trades", overflow.spool.trades)
        elif drained:
            log.info("stopped: every accepted trade is acknowledged")
        else:
            log.error("stopped with %d trades not acknowledged: %s", left, self.publisher.problem)
        return drained

    def _soon(self) -> int:
        """Until when (ns) a farewell may take."""
        return self.clock.now() + int(_CLOSING * 1e9)

    # -- health

    async def _turn(self) -> None:
        alarmed = False
        while True:
            self.turning.mark()
            step = self.clock.stepped()
            if abs(step) > _STEP_ALARM and not alarmed:
                alarmed = True
                log.warning("the system clock stepped by %.3f s; received times keep to the old one", step / 1e9)
            await asyncio.sleep(1)

    async def _report_for_ever(self) -> None:
        """Put a report at each interval; the first as soon as NATS is there, since readiness waits for it."""
        while self._state != "stopped":
            await asyncio.sleep(self._report_pause())
            counts = self.gate.counts
            self._rate.measure(counts.received - counts.replayed, self.clock.now())  # a snapshot's rows are old
            if not self.publisher.usable:
                continue
            await self._look_at_others()
            try:
                await self._bucket.put(self.report())
            except ReportFailed as error:
                if self._report_problem is None:
                    log.warning("%s; the attempts go on", error)
                self._report_problem = str(error)
            else:
                self._report_problem = None
                self._acknowledged = True
                if self._peers is None:  # the very first report has made the bucket
                    await self._look_at_others()

    def _report_pause(self) -> float:
        if self._acknowledged:
            return self.timers.report
        return _FIRST_REPORT if self._report_problem is None else _REPORT_RETRY

    async def _look_at_others(self) -> None:
        others: list[reports.Report] | None = None
        mine = self.report()
        try:
            found = await self._bucket.market(mine)
        except ReportFailed as error:
            log.debug("%s", error)  # before anybody's first report there is no bucket
        else:
            self._succession.look(found, await self.recovery.proofs(), mine, self._start())
            self._peers = others = living(found, mine)
        for news in self._backlogs.look(others, now=self.clock.now(), connected=self.publisher.connected_since):
            log.warning("%s", news)

    def _start(self) -> Start:
        """What this process's start has shown by now."""
        backfill, refused = self.recovery.backfill, self._fleet.refused if self._fleet is not None else {}
        open_ = backfill.beginning()  # also notices what the gate has just been told of
        unheard = {name for name, since in self.gate.uncovered().items() if since is None and name not in refused}
        return Start(self.gate.begun, self.gate.firsts, backfill.begun, open_, unheard - self.gate.begun.keys())

    def report(self) -> reports.Report:
        """Return the health report as of now."""
        config, fleet, gate, now = self.settings.config, self._fleet, self.gate, self.clock.now()
        waiting = self._waiting()
        backlog = backlog_of(gate, self._overflow)
        symbols = self._symbols()
        usable = self.publisher.usable and self.publisher.problem is None
        states = fleet.states if fleet is not None else {}
        return reports.Report(
            **identity(config),
            started=self._started,
            at=now,
            state=self._state,
            ready=not waiting,
            waiting=tuple(waiting),
            nats=self._nats(),
            connections=reports.Connections(
                active=states.get(State.ACTIVE, 0),
                reconnecting=states.get(State.RECONNECTING, 0) + states.get(State.CONNECTING, 0),
                cooldown=states.get(State.COOLDOWN, 0),
                failed=states.get(State.FAILED, 0),
            ),
            symbols=symbols,
            channel=fleet.channel.name if fleet is not None else None,
            trades=self._trades(),
            frames=reports.Frames(fleet.counts.malformed, fleet.counts.out_of_scope) if fleet else reports.Frames(),
            backlog=backlog,
            gaps=self.recovery.counts,
            samples=self.recovery.sampler.samples,
            last_trade=gate.last_trade,
            score=score(
                nats=usable,
                wanted=symbols.wanted,
                streaming=symbols.streaming,
                backlog_age=0.0 if backlog.oldest is None else (now - backlog.oldest) / 1e9,
            ),
            last_ids=gate.order.last_ids(),
            ended=self._ended,
            handover=self._succession.record,
        )

    def _waiting(self) -> list[str]:
        """What readiness waits for, in words."""
        waiting = []
        if not (self._acknowledged or self.publisher.acknowledged):
            reason = self.publisher.problem or self._report_problem or "no report sent yet"
            waiting.append(f"NATS to acknowledge a message ({reason})")
        if self._members.problem is not None:
            waiting.append(self._members.problem)
        elif self._fleet is None or not self._fleet.answered:
            problem = self._fleet.problem if self._fleet is not None else ""
            waiting.append("each subscription to be acknowledged" + (f" ({problem})" if problem else ""))
        elif not self._fleet.carries:
            waiting.append(f"the feed {self._fleet.channel.name} to send a trade, or to be found silent")
        waiting.extend(self._backlogs.waiting)
        if self._state in ("draining", "stopped"):
            waiting.append("its end: it is being stopped")
        return waiting

    def _nats(self) -> reports.Nats:
        publisher = self.publisher
        state = publisher.state
        message = publisher.problem or ("; ".join(state.disagreements) if state and state.disagreements else None)
        return reports.Nats(
            connected=publisher.link.connected,
            acknowledged=self._acknowledged or publisher.acknowledged,
            stream=self.settings.stream.name,
            stream_in_sync=None if state is None else not state.disagreements and publisher.stream_problem is None,
            message=message,
            stream_bytes=None if state is None else state.bytes,
            stream_max_bytes=None if state is None else state.max_bytes,
        )

    def _symbols(self) -> reports.Symbols:
        fleet = self._fleet
        refused = [*self._members.refused, *(Refusal(*pair) for pair in (fleet.refused.items() if fleet else ()))]
        return reports.Symbols(
            wanted=fleet.wanted - len(fleet.refused) if fleet is not None else 0,
            streaming=fleet.streaming if fleet is not None else 0,
            refused=tuple(reports.Refused(refusal.name, refusal.reason) for refusal in refused),
            listed_at=self._members.listed_at,
        )

    def _trades(self) -> reports.Trades:
        counts = self.publisher.counts
        return reports.Trades(
            received=self.gate.counts.received,
            stored=counts.stored,
            duplicates=counts.duplicates,
            late=counts.late,
            expired=self.gate.counts.expired,
            per_second=self._rate.per_second,
        )


def _publisher(settings: Settings, clock: Clock, timers: Timers) -> Publisher:
    config = settings.config
    name = f"metdc {config.namespace}/{config.name} {config.market} {config.pod}"
    return Publisher(settings.nats, stream=settings.stream, name=name, clock=clock, timers=timers)


def _reports(settings: Settings, publisher: Publisher, timers: Timers) -> Peers:
    stream = settings.stream
    create = stream.management == "Ensure"
    return Peers(publisher.link, interval=timers.report, replicas=stream.replicas, create=create)


def _backlogs(settings: Settings, timers: Timers) -> Backlogs:
    config = settings.config
    return Backlogs(shard=config.shard, shards=config.shards, interval=timers.report, patience=timers.stuck_backlog)


def _trust(settings: Settings) -> ssl.SSLContext | None:
    endpoints = settings.endpoints
    try:
        return trust((endpoints.rest, endpoints.web_socket, settings.krw_rest or ""), settings.extra_ca)
    except ssl.SSLError as error:
        raise InvalidSettings(f"METDC_EXTRA_CA: {settings.extra_ca} holds no certificate: {error.reason}") from None
