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
    when. On Linux the kernel terminates it should the parent die without a word.
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
        orphaned: bool = False,
        keep: Sequence[int] = (),
    ) -> "Child":
        """Start a command.

        Args:
            command: its argument list.
            said: gets each line that it writes.
            environment: its variables.
            orphaned: it may outlive the parent.
            keep: descriptors that it inherits.
        """
        parent = os.getpid()

        def after_fork() -> None:
            if _prctl is not None and not orphaned:
                _prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
                if os.getppid() != parent:  # it died in between
                    os.kill(os.getpid(), signal.SIGTERM)

        read, write = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *(str(part) for part in command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=after_fork,
                # It holds the reading end, too: an orphan that logs its end would else die of a broken pipe.
                pass_fds=(read, *keep),
            )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        return cls(process, asyncio.create_task(_read(read, said)))

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


async def _read(descriptor: int, said: Callable[[str], None]) -> None:
    stream = asyncio.StreamReader(limit=_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # longer than any line that is meant to be read
                continue
            if not line:
                return
            said(line.decode(errors="replace").rstrip())
    finally:
        transport.close()
