"""A collector process in the place of a pod: started anew when it dies, probed, asked for its report, terminated."""

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from metdc_collector.wire.config import PodConfig, encode
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.report import Report, decode
from metdc_operator.local.child import Child
from metdc_operator.local.http import NoAnswer, get
from metdc_operator.local.lines import Lines
from metdc_operator.local.timers import Timers
from metdc_operator.observation import Pod as Seen
from metdc_operator.observation import Reason, Trouble

log = logging.getLogger(__name__)
_ANSWER = 5.0
_FAILURES = 3
"""So many probes in a row must fail before a process that was ready is no longer."""
_INVALID = 2
"""Exit code of a collector whose configuration is invalid by itself."""
_CRASHES = 2
"""From so many deaths in a row on it is called crashing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how processes are started: folder for their files, environment, timers, descriptors to inherit."""

    folder: Path
    environment: Mapping[str, str]
    timers: Timers
    keep: tuple[int, ...] = ()
    command: tuple[str, ...] = (sys.executable, "-m", "metdc_collector")


class Pod:
    """One collector process and its successors under the same name."""

    def __init__(self, config: PodConfig, place: Place, lines: Lines) -> None:
        self.config = config
        self.name = config.pod
        self.ready = False
        self.report: Report | None = None
        self.before: Report | None = None
        self.trouble: Trouble | None = None
        self.restarts = 0
        self.started = time.time_ns()
        self.exit_code: int | None = None
        self.invalid = False
        self._place = place
        self._lines = lines
        self._child: Child | None = None
        self._stopping = False
        self._starting = asyncio.Lock()
        self._misses = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def _port_file(self) -> Path:
        return self._place.folder / f"{self.name}.port"

    def seen(self) -> Seen:
        """What the status says of it."""
        return Seen(
            name=self.name,
            ready=self.ready,
            slot=self.config.slot,
            started=self.started,
            restarts=self.restarts,
            terminating=self._stopping,
            report=self.report,
            trouble=self.trouble,
        )

    def start(self) -> None:
        """Start it, and keep it running until :meth:`stop`."""
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch())]

    async def stop(self) -> int:
        """Terminate it, so that it delivers what it has accepted; return its exit code."""
        self._stopping, self.ready = True, False
        keep, watch = self._tasks
        watch.cancel()
        async with self._starting:  # a process that is just being started is not to be missed
            child = self._child
        if child is not None:
            self.exit_code = await child.stop(self._place.timers.grace)
        keep.cancel()
        await asyncio.gather(keep, watch, return_exceptions=True)
        for file in (self._port_file, self._place.folder / f"{self.name}.json"):
            file.unlink(missing_ok=True)
        # Ended by the signal itself, it had not come so far as to accept anything.
        return 0 if self.exit_code in {None, -signal.SIGTERM} else self.exit_code

    def give_up(self) -> None:
        """End it by force; what it has accepted and not delivered is lost."""
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    # -- the process

    async def _keep(self) -> None:
        timers = self._place.timers
        wait, deaths = 0.0, 0
        while True:
            begun = time.monotonic()
            code = await self._run()
            self.exit_code, self.ready = code, False
            if self._stopping:
                return
            if code == _INVALID:
                self.trouble = Trouble(Reason.INVALID_CONFIGURATION, self._lines.last(self.name) or "invalid")
                log.error("%s: %s", self.name, self.trouble.message)
                self.invalid = True
                return
            stable = time.monotonic() - begun >= timers.stable
            deaths = 1 if stable else deaths + 1
            wait = 0.0 if deaths == 1 else min(max(2 * wait, timers.backoff_first), timers.backoff_most)
            message = f"{self.name} ended by itself ({_how(code)}); last: {self._lines.last(self.name) or 'nothing'}"
            log.warning("%s; it is started anew", message)
            if deaths >= _CRASHES:
                self.trouble = Trouble(Reason.CRASHING, message)
            self.restarts += 1
            await asyncio.sleep(wait)

    async def _run(self) -> int:
        """Run the process once, to its end."""
        self._port_file.unlink(missing_ok=True)
        config = self._place.folder / f"{self.name}.json"
        config.write_text(encode(self.config), encoding="utf-8")
        command: list[str | Path] = [*self._place.command, "--config", config]
        async with self._starting:
            if self._stopping:
                return 0
            self.started = time.time_ns()
            self._child = await Child.start(
                [*command, "--http", "127.0.0.1:0", "--http-port-file", self._port_file],
                said=lambda line: self._lines.said(self.name, line),
                environment=self._place.environment,
                keep=self._place.keep,
            )
        return await self._child.wait()

    # -- probes and reports

    async def _watch(self) -> None:
        timers = self._place.timers
        next_report = 0.0
        while True:
            await asyncio.sleep(timers.probe)
            port = self._port()
            if port is None:
                continue
            await self._probe(port)
            if time.monotonic() >= next_report:
                next_report = time.monotonic() + timers.watch
                await self.look()

    def _port(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int(self._port_file.read_text())
        return None

    async def _probe(self, port: int) -> None:
        try:
            status, _ = await get(port, "/readyz", within=_ANSWER)
        except NoAnswer:
            status = 0
        self._misses = 0 if status == 200 else self._misses + 1
        ready = status == 200 or (self.ready and self._misses < _FAILURES)
        if ready and not self.ready:
            self.trouble = None
            await self.look()
        self.ready = ready and not self._stopping

    async def look(self) -> Report | None:
        """Read its report now; null when it does not answer, and the last one stays."""
        port = self._port()
        if port is None:
            return None
        try:
            status, body = await get(port, "/report", within=_ANSWER)
            report = decode(body) if status == 200 else None
        except (NoAnswer, InvalidMessage) as error:
            log.debug("%s: %s", self.name, error)
            return None
        if report is not None:
            self.before, self.report = self.report, report
        return report


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
