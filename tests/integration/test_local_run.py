"""``metdc run`` as a person starts it: real collectors, the simulator's exchanges, the embedded server, the audit."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from metdc_collector.wire import report as reports
from metdc_operator import schema
from tests.harness import Process, eventually, free_port, metdc, nats_server
from tests.integration.rig import (
    CEILING,
    COINS,
    DIVISOR,
    MARKETS,
    READY,
    Simulator,
    held,
    jetstream,
    judged,
    newest,
    simulator,
)

ROTATIONS = 60.0
"""Seconds within which every market is rotated once."""


def manifest(simulated: Simulator, place: Path, *, rotation: dict[str, Any]) -> Path:
    """Both exchanges, with the simulator's addresses."""
    documents = [
        {
            "apiVersion": "metdc.io/v1alpha1",
            "kind": "ExchangeCollector",
            "metadata": {"name": exchange},
            "spec": {
                "exchange": exchange,
                "symbols": {"include": list(COINS)},
                "rotation": rotation,
                "markets": [{"name": name, "endpoints": each} for name, each in markets.items()],
            },
        }
        for exchange, markets in simulated.venues.items()
    ]
    file = place / "collectors.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    return file


@contextlib.contextmanager
def run(file: Path, data: Path, *, port: int, by: float = DIVISOR) -> Iterator[Process]:
    words = ["run", "-f", str(file), "--data", str(data), "--nats-port", str(port), "--format", "json", "-v"]
    with Process([*metdc(), *words], name="metdc run", env={"METDC_DIVIDE_TIMERS": str(by)}) as process:
        process.line(READY, where=lambda line: json.loads(line)["event"] == "ready")
        yield process


def children(process: Process) -> list[int]:
    """Process ids of the collectors, the server and its guard."""
    return [int(each) for each in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_every_market_is_rotated_with_overlap_and_nothing_is_lost(exchange: Simulator, tmp_path: Path) -> None:
    file = manifest(exchange, tmp_path, rotation={"interval": "4m", "overlap": "40s"})
    data, port = tmp_path / "nats", free_port()
    for market in MARKETS:
        exchange.rate(market, 50)  # before the start: a slot may come as soon as a market is ready
    with run(file, data, port=port) as process:
        rotated: dict[str, dict[str, Any]] = {}
        statuses: list[dict[str, Any]] = []

        def all_rotated(line: str) -> bool:
            event = json.loads(line)
            if event["event"] == "rotated":
                rotated.setdefault(f"{event['exchange']}.{event['market']}", event)
            if event["event"] == "status":
                statuses.append(event["status"])
            return len(rotated) == len(MARKETS)

        process.line(ROTATIONS, where=all_rotated)
        exchange.order("/pause")
        verdict = judged(exchange, f"nats://127.0.0.1:{port}")
        process.signal(signal.SIGINT)
        stopped = json.loads(process.line(CEILING, where=lambda line: json.loads(line)["event"] == "stopped"))

        assert process.wait(CEILING) == 0
    held(verdict, *MARKETS, least=100)
    assert set(stopped["exitCodes"]) == {0}
    assert all(event["overlapSeconds"] >= 2.0 for event in rotated.values())
    assert all(event["duplicates"] > 0 for event in rotated.values())
    assert [(event["unfilled"], event["lost"]) for event in rotated.values()] == [(0, 0)] * len(MARKETS)
    document = {"spec": {"exchange": "binance", "markets": [{"name": "spot"}]}}
    for status in statuses:
        assert schema.check(document | {"status": status}, schema.load()) == ([], True)


def test_collectors_that_lose_their_parent_deliver_what_they_have_and_the_server_follows(tmp_path: Path) -> None:
    # At true timers: the reports that the pods leave behind are kept for 45 s.
    with simulator(by=1) as exchange, contextlib.ExitStack() as stack:
        file = manifest(exchange, tmp_path, rotation={"suspend": True})
        data = tmp_path / "nats"
        process = stack.enter_context(run(file, data, port=free_port(), by=1))
        for market in MARKETS:
            exchange.rate(market, 200)
        for market in MARKETS:
            exchange.sent(market, 100)
        pids = children(process)
        process.kill()
        eventually(lambda: all(ended(pid) for pid in pids), CEILING, "every child has ended")

    with nats_server(data) as server:
        last = jetstream(server.url, _reports)

    assert len(pids) == len(MARKETS) + 2
    assert [each.state for each in last] == ["stopped"] * len(MARKETS)
    assert [each.backlog.trades for each in last] == [0] * len(MARKETS)
    assert all(each.trades.stored > 0 for each in last)


async def _reports(js: Any) -> list[reports.Report]:
    return [reports.decode(data) for data in await newest(js, "metdc_health")]


def test_a_signal_to_the_whole_group_reaches_the_run_alone(exchange: Simulator, tmp_path: Path) -> None:
    file = manifest(exchange, tmp_path, rotation={"suspend": True})
    with run(file, tmp_path / "nats", port=free_port()) as process:
        groups = {os.getpgid(pid) for pid in children(process)}
        os.killpg(os.getpgid(process.pid), signal.SIGINT)

        assert process.wait(CEILING) == 0
        assert os.getpgid(0) not in groups
        assert len(groups) == len(MARKETS) + 2
