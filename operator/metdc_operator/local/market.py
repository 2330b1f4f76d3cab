"""One market's shard on this machine: a process that carries the data, and its successor while that takes over."""

import asyncio
import logging
import time
from collections.abc import Callable

from metdc_operator import rotation
from metdc_operator.handover import handed_over
from metdc_operator.local.pod import Pod
from metdc_operator.local.timers import Timers, nanoseconds
from metdc_operator.observation import MarketSeen, Reason, Rotation, Trouble
from metdc_operator.resource import Part, Resource
from metdc_operator.times import render

log = logging.getLogger(__name__)
_OLD_BACKLOG = nanoseconds(10)


class Market:
    """What a Deployment with ``maxSurge: 1`` and ``maxUnavailable: 0`` is in a cluster."""

    def __init__(
        self,
        resource: Resource,
        part: Part,
        *,
        make: Callable[[Resource, Part, str], Pod],
        timers: Timers,
        rotated: Callable[["Market", Rotation], None],
    ) -> None:
        """``make`` makes a process for the slot that it is given, ``rotated`` hears of each finished replacement."""
        self.resource = resource
        self.part = part
        self.identity = resource.identity(part)
        self.last: Rotation | None = None
        self.failed_exits: list[int] = []
        self._make = make
        self._timers = timers
        self._rotated = rotated
        self._interval = timers.divided(resource.interval)
        self._overlap = timers.divided(resource.overlap)
        self._slot: int | None = None
        self._begun: int | None = None
        self._carried = False
        self._current: Pod | None = None
        self._successor: Pod | None = None
        self._stalled: Trouble | None = None
        self._taking_over: asyncio.Task[None] | None = None
        self._proving: set[asyncio.Task[None]] = set()
        self._leaving: dict[Pod, asyncio.Task[None]] = {}

    @property
    def pods(self) -> list[Pod]:
        """Every process, those that are being stopped included."""
        return [pod for pod in (self._current, self._successor, *self._leaving) if pod is not None]

    @property
    def ready(self) -> bool:
        """Whether the data is carried."""
        return any(pod.ready for pod in self.pods)

    @property
    def invalid(self) -> bool:
        """Whether the collector refuses its configuration."""
        return self._current is not None and self._current.invalid

    @property
    def current(self) -> Pod | None:
        """The process that carries the data."""
        return self._current

    def start(self, now: int) -> None:
        """Start the first process; it belongs to the current slot, so it is not replaced at once."""
        self._slot = rotation.desired_slot(self.view(now), now)
        self._current = self._make(self.resource, self.part, render(self._slot))
        self._current.start()
        self._begun = now

    def view(self, now: int) -> rotation.Market:
        """The market as the rotation sees it."""
        self._carried = self._carried or self.ready
        return rotation.Market(
            identity=self.identity,
            exchange=self.resource.exchange,
            interval=self._interval,
            slot=self._slot,
            rotate_after=self.resource.rotate_after,
            suspended=self.resource.spec["rotation"]["suspend"],
            rotating=self._successor is not None or self._starting(now),
            stalled=self._stalled is not None,
            held=self._held(now),
        )

    def seen(self, now: int) -> MarketSeen:
        """The market as the status sees it."""
        return MarketSeen(
            market=self.part.market,
            shard=self.part.shard,
            shards=self.part.shards,
            pods=[pod.seen() for pod in self.pods],
            rotating=self._successor is not None,
            stalled=self._stalled,
            last=self.last,
            next=rotation.next_turn(self.view(now), now) if self._slot is not None else None,
        )

    def _starting(self, now: int) -> bool:
        """Whether the first process has not carried the data yet, and still has time to."""
        begun = self._begun is not None and not self._carried
        return begun and now - (self._begun or now) < self._overlap + nanoseconds(self._timers.progress)

    def _held(self, now: int) -> bool:
        """Whether the process works off a backlog that a successor would have to wait for anyway."""
        if self._current is None or self._current.report is None or self._current.before is None:
            return False
        backlog, before = self._current.report.backlog, self._current.before.backlog
        old = backlog.oldest is not None and now - backlog.oldest > _OLD_BACKLOG
        return old and backlog.trades < before.trades

    def take(self, turn: rotation.Turn) -> None:
        """Begin a replacement."""
        self._taking_over = asyncio.create_task(self._take_over(turn))

    async def _take_over(self, turn: rotation.Turn) -> None:
        old = self._current
        assert old is not None
        self._slot = turn.slot
        self._successor = successor = self._make(self.resource, self.part, render(turn.slot))
        successor.start()
        await self._overlapped(successor)
        self._current, self._successor = successor, None
        self._leaving[old] = leaving = asyncio.create_task(self._leave(old))
        proving = asyncio.create_task(self._proven(old, successor, leaving))
        self._proving.add(proving)
        proving.add_done_callback(self._proving.discard)

    async def _proven(self, old: Pod, new: Pod, leaving: "asyncio.Task[None]") -> None:
        """Wait for the new process to say how it took over, for as long as it is there to, and tell of it."""
        finished = time.time_ns()
        await asyncio.wait({leaving})
        deadline = time.monotonic() + self._timers.proof
        done: Rotation | None = None
        while done is None and new is self._current and time.monotonic() < deadline:
            await asyncio.sleep(self._timers.probe)
            done = handed_over(await new.look())
        self.last = done or Rotation(new.config.slot, old.name, new.name, finished)
        self._rotated(self, self.last)

    async def _overlapped(self, successor: Pod) -> None:
        """Wait until the successor has been ready for the whole overlap."""
        deadline = time.monotonic() + self._overlap / 10**9 + self._timers.progress
        since: int | None = None
        while True:
            left = self._timers.probe if since is None else (since + self._overlap - time.time_ns()) / 10**9
            if since is not None and left <= 0:
                return
            await asyncio.sleep(min(left, self._timers.probe))
            if not successor.ready:
                since = None
                if self._stalled is None and time.monotonic() > deadline:
                    self._stalled = _why(successor)
                    log.warning("%s: rotation stalled: %s", self.identity, self._stalled.message)
            elif since is None:
                since, self._stalled = time.time_ns(), None

    async def _leave(self, pod: Pod) -> None:
        code = await pod.stop()
        if code != 0:
            self.failed_exits.append(code)
            log.error("%s stopped with exit code %d: not all that it had accepted is acknowledged", pod.name, code)
        del self._leaving[pod]

    async def stop(self) -> list[int]:
        """Terminate every process; return their exit codes."""
        for task in (self._taking_over, *self._proving):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        staying = [pod for pod in (self._current, self._successor) if pod is not None]
        leaving = list(self._leaving.values())
        codes = await asyncio.gather(*(pod.stop() for pod in staying))
        await asyncio.gather(*leaving)
        return [*codes, *self.failed_exits]


def _why(successor: Pod) -> Trouble:
    if successor.trouble is not None:
        return successor.trouble
    waiting = "; ".join(successor.report.waiting) if successor.report is not None else "its first report"
    return Trouble(Reason.NOT_READY_IN_TIME, f"{successor.name} is not ready in time; it waits for {waiting}")
