"""A watcher of listings as a process, and the events that it has stored."""

import contextlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nats.js.errors import NotFoundError

from tests.harness import Process, eventually, folder, metdc
from tests.integration.rig import CEILING, DIVISOR, START, jetstream


@dataclass
class Watcher:
    """A watcher process, seen as an operator sees a pod."""

    process: Process
    port: int

    def get(self, path: str) -> tuple[int, str]:
        """GET a page; return status and body."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=CEILING) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str, source: str | None = None) -> float:
        """Return the value of ``metdc_listings_<name>``."""
        label = re.escape(f'{{source="{source}"}}') if source else ""
        (found,) = re.findall(rf"^metdc_listings_{name}{label} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        return float(found)

    def until(self, name: str, source: str | None, least: float) -> None:
        """Wait until a metric is so great."""
        what = f"{name} of {source} at least {least:g}\n{self.process.log}"
        eventually(lambda: self.metric(name, source) >= least, CEILING, what)

    def until_ready(self) -> None:
        """Wait until it is ready."""
        eventually(lambda: self.get("/readyz")[0] == 200, CEILING, f"ready\n{self.process.log}")

    def some_polls(self, count: int = 4) -> None:
        """Wait until the list of notices has been asked for so many times more, and answered."""
        asked, failed = (self.metric(f"{name}_total", "announcements") for name in ("asked", "failed"))
        self.until("asked_total", "announcements", asked + count + 1)
        assert self.metric("failed_total", "announcements") == failed, self.process.log

    def stop(self) -> None:
        """Stop it as an operator does."""
        assert self.process.terminate(CEILING) == 0, self.process.log


@contextlib.contextmanager
def watching(rest: str, web_socket: str, nats: str, *words: str | Path, ready: bool = True) -> Iterator[Watcher]:
    """Run ``metdc listings`` against these base addresses, and wait until it is ready."""
    with folder("metdc-listings-") as place:
        file = place / "port"
        where = ["--rest", rest, "--announcements", rest, "--web-socket", web_socket, "--nats", nats]
        probes: list[str | Path] = ["--http", "127.0.0.1:0", "--http-port-file", file]
        command = [*metdc(), "listings", *where, *probes, *words]
        with Process(command, name="watcher", env={"METDC_DIVIDE_TIMERS": str(DIVISOR)}) as process:
            eventually(lambda: file.exists() or process.exit_code is not None, START, "its port")
            assert process.exit_code is None, process.log
            running = Watcher(process, int(file.read_text()))
            if ready:
                running.until_ready()
            yield running


def events(nats: str) -> list[dict[str, Any]]:
    """The stored events, in their order."""

    async def look(js: Any) -> list[dict[str, Any]]:
        found = []
        try:
            last = (await js.stream_info("METDC_EVENTS")).state.last_seq
        except NotFoundError:
            return []
        for number in range(1, last + 1):
            message = await js.get_msg("METDC_EVENTS", number)
            found.append({"subject": message.subject, "id": message.headers["Nats-Msg-Id"], **json.loads(message.data)})
        return found

    return jetstream(nats, look)


def told(nats: str, *coins: str) -> list[dict[str, Any]]:
    """Wait until exactly these coins are told, and return their events."""

    def look() -> list[dict[str, Any]] | None:
        found = events(nats)
        return found if [event["subject"].rpartition(".")[2] for event in found] == list(coins) else None

    try:
        return eventually(look, CEILING, f"{coins} are told")
    except RuntimeError as error:
        raise AssertionError(f"{error}: {events(nats)}") from None
