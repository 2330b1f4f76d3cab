"""A run on one machine, with stand-ins for the collectors: starts, deaths, rotations, stalls, ends."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from metdc_operator.local.engine import Engine, Options
from metdc_operator.local.server import ServerFailed
from metdc_operator.local.timers import Timers
from metdc_operator.observation import Rotation
from metdc_operator.resource import Resource
from metdc_operator.times import render
from tests.harness import eventually
from tests.unit.operator.examples import resource

CEILING = 30.0
STANDIN = (sys.executable, str(Path(__file__).with_name("standin.py")))
QUICK = replace(
    Timers.of({"METDC_DIVIDE_TIMERS": "20"}),
    probe=0.05,
    watch=0.1,
    write=0.1,
    progress=1.0,
    backoff_first=0.05,
    grace=5.0,
)
RESTING = "  rotation: {suspend: true}"


@dataclass
class Heard:
    """An output that remembers."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    latest: Mapping[str, Any] = field(default_factory=dict)
    turns: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def _hear(self, name: str, what: Any) -> None:
        self.events.append((name, what))
        self.news.set()

    def line(self, text: str) -> None:
        self._hear("line", text)

    def ready(self) -> None:
        self._hear("ready", None)

    def rotated(self, resource: str, exchange: str, market: str, rotation: Rotation) -> None:
        self._hear("rotated", rotation)

    def status(self, resource: str, status: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        self._hear("status", status)

    def turn(self, statuses: Mapping[str, Any]) -> None:
        self.latest = statuses
        self.turns += 1
        self.news.set()

    def stopped(self, codes: Sequence[int]) -> None:
        self._hear("stopped", list(codes))

    def all(self, name: str) -> list[Any]:
        return [what for kind, what in self.events if kind == name]

    def condition(self, kind: str, *, key: str = "default/binance") -> tuple[str, str]:
        conditions = self.latest.get(key, {}).get("conditions", ())
        return next(((each["status"], each["reason"]) for each in conditions if each["type"] == kind), ("", ""))

    async def until(self, look: Callable[[], object]) -> None:
        async with asyncio.timeout(CEILING):
            while not look():
                self.news.clear()
                await self.news.wait()


class Run:
    """One run in this process."""

    def __init__(
        self,
        folder: Path,
        *specs: str | Resource,
        timers: Timers = QUICK,
        data: Path | None = None,
        keys: Path | None = None,
    ) -> None:
        self.folder = folder
        self.heard = Heard()
        options = Options(
            environment={**os.environ, "STANDIN": str(folder), "XDG_STATE_HOME": str(folder / "state")},
            nats=None if data else "nats://127.0.0.1:1",
            data=data,
            exchange_credentials=keys,
            timers=timers,
            command=STANDIN,
        )
        self.engine = Engine([resource(each) if isinstance(each, str) else each for each in specs], options, self.heard)
        self.task = asyncio.create_task(self.engine.run())

    def tell(self, name: str, *, off: bool = False) -> None:
        file = self.folder / name
        file.unlink(missing_ok=True) if off else file.touch()

    @property
    def starts(self) -> list[str]:
        file = self.folder / "starts"
        return file.read_text().splitlines() if file.exists() else []

    async def code(self) -> int:
        async with asyncio.timeout(CEILING):
            return await self.task

    async def end(self) -> int:
        self.engine.stop()
        return await self.code()


class Told(logging.Handler):
    """What the run logs, as the command line shows it."""

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.line(record.getMessage())


@contextlib.asynccontextmanager
async def running(folder: Path, *specs: str | Resource, **options: Any) -> AsyncIterator[Run]:
    run = Run(folder, *specs, **options)
    told = Told(run.heard)
    logging.getLogger("metdc_operator").addHandler(told)
    try:
        yield run
    finally:
        logging.getLogger("metdc_operator").removeHandler(told)
        if not run.task.done():
            run.tell("deaf", off=True)
            await run.end()


async def test_a_run_says_once_when_every_market_is_ready_and_ends_clean(tmp_path: Path) -> None:
    async with running(tmp_path, f"{RESTING}\n  markets: [{{name: spot}}, {{name: futures}}]") as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        await run.heard.until(lambda: run.heard.condition("Ready") == ("True", "Collecting"))

        assert await run.end() == 0
    assert run.heard.all("ready") == [None]
    assert run.heard.all("stopped") == [[0, 0]]


async def test_trades_may_wait_on_disk_beside_the_servers_folder(tmp_path: Path) -> None:
    async with running(tmp_path, RESTING) as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        place = tmp_path / "state" / "metdc" / "spool"
        assert (tmp_path / "spool").read_text() == str(place)
        assert place.is_dir()


async def test_where_trades_cannot_wait_on_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    async with running(tmp_path, RESTING) as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        assert (tmp_path / "spool").read_text() == ""
        assert [line for line in run.heard.all("line") if "trades wait in memory alone" in line]


async def test_limits_are_shared_among_the_processes_of_an_exchange_and_their_successors(tmp_path: Path) -> None:
    async with running(tmp_path, f"{RESTING}\n  markets: [{{name: spot}}, {{name: futures}}]") as run:
        await run.heard.until(lambda: run.heard.all("ready"))

        assert {line.split()[2] for line in run.starts} == {"1/4"}


async def test_a_successor_carries_the_data_for_the_overlap_before_the_old_process_stops(tmp_path: Path) -> None:
    async with running(tmp_path, "  rotation: {interval: 1m, overlap: 10s}") as run:
        await run.heard.until(lambda: len(run.heard.all("rotated")) >= 2)
        first, second = run.heard.all("rotated")[:2]

        assert first.handover.predecessor == first.old
        assert first.handover.overlap >= QUICK.divided(10 * 10**9)
        assert second.old == first.new
        assert first.slot < second.slot
        assert await run.end() == 0


async def test_a_successor_that_proves_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    (tmp_path / "unproven").touch()
    timers = replace(QUICK, proof=0.5)
    async with running(tmp_path, "  rotation: {interval: 1m, overlap: 2s}", timers=timers) as run:
        await run.heard.until(lambda: run.heard.all("rotated"))
        (first, *_) = run.heard.all("rotated")

        assert first.handover is None
        assert first.old != first.new
        assert await run.end() == 0


async def test_a_successor_that_does_not_become_ready_stalls_and_the_old_process_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, "  rotation: {interval: 1m, overlap: 2s}") as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        run.tell("unready")
        await run.heard.until(lambda: run.heard.condition("RotationStalled") == ("True", "NotReadyInTime"))
        stalled = len(run.starts)
        run.tell("unready", off=True)
        await run.heard.until(lambda: run.heard.all("rotated"))

        assert stalled == 2
        assert await run.end() == 0


async def test_a_process_that_dies_is_started_anew_under_its_name(tmp_path: Path) -> None:
    async with running(tmp_path, RESTING) as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        run.tell("crash")
        await run.heard.until(lambda: run.heard.condition("Ready")[1] == "Crashing")
        run.tell("crash", off=True)
        await run.heard.until(lambda: run.heard.condition("Ready") == ("True", "Collecting"))
        pod = run.heard.latest["default/binance"]["markets"][0]["pods"][0]

        assert len({line.split()[0] for line in run.starts}) == 1
        assert pod["restarts"] == len(run.starts) - 1
        assert await run.end() == 0


async def test_a_configuration_that_every_collector_refuses_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "invalid").touch()
    async with running(tmp_path, RESTING) as run:
        assert await run.code() == 2
    assert run.heard.condition("Ready") == ("False", "InvalidConfiguration")
    assert "spec.exchange: is of no use" in str(run.heard.latest)


async def test_a_collector_that_did_not_deliver_everything_makes_the_run_fail(tmp_path: Path) -> None:
    (tmp_path / "dirty").touch()
    async with running(tmp_path, RESTING) as run:
        await run.heard.until(lambda: run.heard.all("ready"))

        assert await run.end() == 1
    assert run.heard.all("stopped") == [[1]]


async def test_a_collector_that_does_not_end_in_its_grace_is_ended_by_force(tmp_path: Path) -> None:
    (tmp_path / "deaf").touch()
    async with running(tmp_path, RESTING, timers=replace(QUICK, grace=0.3)) as run:
        await run.heard.until(lambda: run.heard.all("ready"))

        assert await run.end() == 1
    assert run.heard.all("stopped") == [[-9]]


async def test_asked_twice_a_run_says_what_it_waits_for_and_asked_three_times_it_gives_up(tmp_path: Path) -> None:
    (tmp_path / "deaf").touch()
    async with running(tmp_path, RESTING, timers=replace(QUICK, grace=CEILING)) as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        run.engine.stop()
        run.engine.stop()
        assert "once more gives that up" in run.heard.all("line")[-1]
        run.engine.stop()

        assert await run.code() == 1


async def test_a_suspended_resource_runs_nothing_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, "  suspend: true") as run:
        await run.heard.until(lambda: run.heard.condition("Suspended") == ("True", "Suspended"))

        assert run.starts == []
        assert await run.end() == 0


async def test_an_order_to_rotate_is_obeyed_once_though_the_schedule_is_suspended(tmp_path: Path) -> None:
    soon = render(time.time_ns() // 10**9 * 10**9 + 2 * 10**9)
    ordered = resource(RESTING, metadata=f"annotations: {{metdc.io/rotate-after: '{soon}'}}")
    async with running(tmp_path, ordered) as run:
        await run.heard.until(lambda: run.heard.all("rotated"))
        turns = run.heard.turns
        await run.heard.until(lambda: run.heard.turns > turns + 20)

        assert [each.slot for each in run.heard.all("rotated")] == [soon]
        assert await run.end() == 0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "nats"


def server_of(store: Path) -> int:
    """The process id of the nats-server on a store."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            words = (process / "cmdline").read_bytes().decode().split("\0")
            if words[0].endswith("nats-server") and str(store) in Path(words[2]).read_text():
                return int(process.name)
    raise AssertionError("no nats-server runs on the store")


async def test_the_embedded_server_serves_and_a_second_run_on_its_store_is_refused(tmp_path: Path, store: Path) -> None:
    async with running(tmp_path, RESTING, data=store) as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        assert "nats-server at nats://127.0.0.1:" in run.heard.all("line")[0]

        other = Run(tmp_path, RESTING, data=store)
        with pytest.raises(ServerFailed, match="another metdc run keeps its trades there; give --data another folder"):
            await other.code()
        assert await run.end() == 0


async def test_an_embedded_server_that_dies_comes_back_on_its_port(tmp_path: Path, store: Path) -> None:
    async with running(tmp_path, RESTING, data=store) as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        host, _, port = run.heard.all("line")[0].split(",")[0].rpartition("//")[2].rpartition(":")
        os.kill(server_of(store), signal.SIGKILL)
        await run.heard.until(lambda: any("is started anew" in each for each in run.heard.all("line")))

        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                return True
            return False

        await asyncio.to_thread(eventually, answers, CEILING, "the server takes clients again")
        assert await run.end() == 0


@pytest.mark.parametrize("named", [True, False])
async def test_the_exchange_s_key_goes_to_those_who_name_it_alone(tmp_path: Path, *, named: bool) -> None:
    spec = f"{RESTING}\n  exchangeCredentialsSecretRef: {{name: a}}" if named else RESTING
    async with running(tmp_path, spec, keys=tmp_path) as run:
        await run.heard.until(lambda: run.heard.all("ready"))
        assert (tmp_path / "exchange").read_text() == (str(tmp_path) if named else "")
