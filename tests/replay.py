"""``make replay FILES="a.jsonl b.jsonl"``: recorded frames through everything, compared row by row.

Each file, market by market: the simulator sends the recorded frames byte for byte, a collector process streams them
into JetStream, and what is stored is compared with the rows that tests/audit takes from the file by itself.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: all rows are there, 1: not so, 2: bad
usage, or nothing to compare in any of the files.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.audit import stream
from tests.audit.judge import Judge, Verdict
from tests.audit.recorded import BadRecording, Recording, read
from tests.harness import (
    NatsServer,
    NotInTime,
    Process,
    conclude,
    eventually,
    folder,
    heed_signals,
    http,
    http_or_none,
    nats_server,
    python,
    say,
)

START = 30.0
"""Seconds for a process to be up."""
SENT = 300.0
"""Seconds for all frames of one market to be sent."""
QUIET = 3.0
"""Seconds without news after which a collector has stored what it will."""
LONG = "200000h"
"""Retention that keeps trades of any age: 22 years."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where one market of one file is played."""

    recording: Recording
    market: str
    nats: NatsServer
    directory: Path

    @property
    def name(self) -> str:
        """``binance.spot``."""
        return f"{self.recording.exchange}.{self.market}"


def configuration(bench: Bench, addresses: dict[str, str]) -> dict[str, Any]:
    """Return the JSON of a collector process, with the quotes wide open."""
    return {
        "version": 1,
        "namespace": "default",
        "name": f"replay-{bench.recording.exchange}",
        "uid": "00000000-0000-0000-0000-000000000000",
        "market": bench.market,
        "shard": 0,
        "shards": 1,
        "pod": f"replay-{bench.recording.exchange}-{bench.market}",
        "slot": "2026-01-01T00:00:00Z",
        "limitShare": "1",
        "spec": {
            "exchange": bench.recording.exchange,
            "markets": [{"name": bench.market}],
            "symbols": {"quotes": list(bench.recording.quotes[bench.market])},
            "endpoints": addresses,
            "nats": {"urls": [bench.nats.url], "stream": {"maxAge": LONG, "maxBytes": "4Gi"}},
        },
    }


def play(bench: Bench) -> list[str]:
    """Play one market of a file into the stream; return what went wrong beside the trades."""
    with contextlib.ExitStack() as stack:
        command = python("tests.simulator", "--port", "0", "--replay", bench.recording.path.resolve())
        simulator = stack.enter_context(Process(command, name="simulator"))
        addresses = json.loads(simulator.line(START, where=lambda line: line.startswith("{")))
        venue = addresses["venues"][bench.recording.exchange][bench.market]
        file = bench.directory / f"{bench.name}.json"
        file.write_text(json.dumps(configuration(bench, venue)))
        port = bench.directory / f"{bench.name}.port"
        command = python("metdc_collector", "--config", file, "--http", "127.0.0.1:0", "--http-port-file", port)
        collector = stack.enter_context(Process(command, name=f"collector {bench.name}"))
        eventually(lambda: _running(collector) and port.exists(), START, f"{collector.name}: its port")
        _follow(addresses["control"], f"http://127.0.0.1:{port.read_text().strip()}/report", collector)
        code = collector.terminate(30)
        return [] if code == 0 else [f"{collector.name} ended with {code}\n{collector.log}"]


def _running(process: Process) -> bool:
    """Return True; what is waited for can't happen any more once the process has ended.

    Raises:
        NotInTime: it has.
    """
    if process.exit_code is not None:
        raise NotInTime(f"{process.name} ended with {process.exit_code}\n{process.log}")
    return True


def _follow(control: str, report: str, collector: Process) -> None:
    """Wait until every frame was sent and the collector has no news for a while."""

    def sent() -> bool:
        state = http_or_none(f"{control}/state") or {}
        return _running(collector) and bool(state.get("replay", {}).get("done"))

    try:
        eventually(sent, SENT, "the simulator has sent every frame", every=0.5)
    except NotInTime as error:
        raise NotInTime(f"{error}\n{http(f'{control}/state').get('replay')}\n{collector.log}") from error
    state, since = None, time.monotonic()
    end = since + SENT
    while time.monotonic() - since < QUIET:
        now = http(report)
        counts = (
            now["trades"]["received"],
            now["trades"]["stored"],
            now["trades"]["duplicates"],
            now["backlog"]["trades"],
        )
        if counts != state or counts[-1]:
            state, since = counts, time.monotonic() if counts != state else since
            say(f"  received {counts[0]}, stored {counts[1]}, waiting {counts[3]}")
        if time.monotonic() > end:
            break
        time.sleep(0.3)


async def compare(recording: Recording, url: str) -> Verdict:
    """Compare what is stored with the rows of a recording."""
    judge = Judge(recording.book, markets=[f"{recording.exchange}.{market}" for market in recording.quotes])
    nc = await stream.connect(url)
    try:
        await stream.read(nc, "trades.>", judge.take)
    finally:
        await nc.close()
    return judge.verdict()


def replay(path: Path) -> tuple[dict[str, Any], bool]:
    """Replay one file; return its comparison, and whether it held.

    Raises:
        BadRecording, OSError: the file can't be used.
    """
    recording = read(path)
    markets = ", ".join(recording.quotes) or "nothing in scope"
    say(f"{path.name}: {recording.exchange} {markets}, {recording.expected} trades")
    problems: list[str] = []
    with nats_server() as nats, folder() as directory:
        if recording.expected:
            for market in recording.quotes:
                try:
                    problems += play(Bench(recording, market, nats, directory))
                except (NotInTime, OSError) as error:
                    problems.append(f"{recording.exchange}.{market}: {error}")
        verdict = asyncio.run(compare(recording, nats.url))
    result = recording.compared(verdict)
    for problem in problems:
        say(problem)
    for example in verdict.examples:
        say(json.dumps(example, ensure_ascii=False))
    say(f"  {json.dumps(result, ensure_ascii=False)}")
    faults = result["wrong"] + result["missing"] + result["extra"]
    return result, not problems and not faults


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description="Recorded frames through everything.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings, JSON lines")
    options = parser.parse_args(argv)
    heed_signals()
    results: list[dict[str, Any]] = []
    return conclude(partial(replay_all, options.files, results), BadRecording, OSError, files=results)


def replay_all(files: Sequence[Path], results: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Replay files one by one, adding to ``results``; return whether all rows are there, and whether there are any."""
    held = []
    for path in files:
        result, ok = replay(path)
        results.append(result)
        held.append(ok)
    empty = [result["file"] for result in results if not result["expected"]]
    if empty:
        say(f"nothing to compare in {', '.join(empty)}")
    proves = len(empty) < len(results)
    return {"ok": all(held) and proves}, proves


if __name__ == "__main__":
    sys.exit(main())
