"""A child process that Ctrl-C does not reach, that ends with its parent, and whose lines are read as they come."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LINE = 1024 * 1024
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class Child:
    """One running process.

    It has a session of its own, since a terminal signals the whole group on Ctrl-C and the parent decides who stops
    when. On Linux the kernel sends it ``on_orphaned`` should the parent die without a word.
    """

    def __init__(self, process: asyncio.subprocess.Process, reader: "asyncio.Task[None]") -> None:
        self._process = process
        self._reader = reader

    @classmethod
    async def start(
        cls,
        command: Sequence[str | Path],
        *,
        said: Callable[[str], None],
        environment: Mapping[str, str],
        on_orphaned: signal.Signals = signal.SIGTERM,
        keep: Sequence[int] = (),
    ) -> "Child":
        """Start a command; ``said`` gets each line that it writes, ``keep`` are descriptors that it inherits."""
        parent = os.getpid()

        def after_fork() -> None:
            if _prctl is not None:
                _prctl(_PR_SET_PDEATHSIG, int(on_orphaned))
                if os.getppid() != parent:  # it died in between
                    os.kill(os.getpid(), on_orphaned)

        process = await asyncio.create_subprocess_exec(
            *(str(part) for part in command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=after_fork,
            pass_fds=tuple(keep),
            limit=_LINE,
        )
        return cls(process, asyncio.create_task(_read(process, said)))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Return its exit code (negative: the signal that ended it) when it has ended and its lines are read."""
        code = await self._process.wait()
        with suppress(TimeoutError):
            # A grandchild may hold the pipe open; what it says is not waited for.
            await asyncio.wait_for(asyncio.shield(self._reader), 1)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Signal it, if it still runs."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, grace: float) -> int:
        """Terminate it; end it by force after ``grace`` seconds. Returns its exit code."""
        self.signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(self.wait())), grace)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self.wait()


async def _read(process: asyncio.subprocess.Process, said: Callable[[str], None]) -> None:
    stream = process.stdout
    assert stream is not None
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # longer than any line that is meant to be read
            continue
        if not line:
            return
        said(line.decode(errors="replace").rstrip())
