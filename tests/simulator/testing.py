"""For tests: a simulator as a context manager, in this event loop or as a process, with a small control client."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.simulator.app import Options, Simulator

ROOT = Path(__file__).resolve().parents[2]
CEILING = 20.0
"""Seconds that any wait may last."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A running simulator."""

    addresses: dict[str, Any]
    ledger: Path
    http: aiohttp.ClientSession

    def rest(self, exchange: str, market: str) -> str:
        """The REST base address of a market."""
        return str(self.addresses["venues"][exchange][market]["rest"])

    def websocket(self, exchange: str, market: str) -> str:
        """The WebSocket base address of a market."""
        return str(self.addresses["venues"][exchange][market]["webSocket"])

    async def get(self, path: str) -> Any:
        """GET on the control port."""
        async with self.http.get(self.addresses["control"] + path) as reply:
            return await reply.json()

    async def post(self, path: str, /, **order: Any) -> Any:
        """POST on the control port; a refusal raises ValueError."""
        async with self.http.post(self.addresses["control"] + path, json=order) as reply:
            answer = await reply.json()
            if reply.status != 200:
                raise ValueError(answer["error"])
            return answer

    async def state(self) -> dict[str, Any]:
        """What GET /state says."""
        return dict(await self.get("/state"))

    async def fault(self, name: str, **parameters: Any) -> dict[str, Any]:
        """Switches a fault on or lets it strike."""
        return dict(await self.post("/fault", fault=name, **parameters))

    async def trade(self, exchange: str, market: str, instrument: str, count: int = 1, **fields: Any) -> None:
        """Produces trades at once."""
        await self.post("/trade", exchange=exchange, market=market, instrument=instrument, count=count, **fields)

    async def until(self, holds: Callable[[dict[str, Any]], object], seconds: float = CEILING) -> dict[str, Any]:
        """Waits until the state is as wanted, and answers it; TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            while not holds(state := await self.state()):  # noqa: ASYNC110 - the state lies across HTTP
                await asyncio.sleep(0.02)
        return state

    async def records(self, kind: str = "trade") -> list[dict[str, Any]]:
        """The ledger's records of one type, after a flush."""
        await self.post("/mark")
        with self.ledger.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        return [row for row in rows if row["type"] == kind]


@asynccontextmanager
async def simulator(
    *, subprocess: bool = False, ledger: Path | None = None, **options: Any
) -> AsyncIterator[Simulated]:
    """A simulator on free ports; options as in `Options`, but `rate` 0 and `history` 50 unless given."""
    with tempfile.TemporaryDirectory() as folder:
        file = ledger or Path(folder) / "ledger.jsonl"
        chosen = Options(**{"port": 0, "rate": 0.0, "history": 50, "ledger": file, **options})
        running = _process(chosen) if subprocess else _inside(chosen)
        async with running as addresses, aiohttp.ClientSession() as http:
            yield Simulated(addresses, file, http)


@asynccontextmanager
async def _inside(options: Options) -> AsyncIterator[dict[str, Any]]:
    running = Simulator(options)
    try:
        yield await running.start()
    finally:
        await running.stop()


@asynccontextmanager
async def _process(options: Options) -> AsyncIterator[dict[str, Any]]:
    words = ["--port", options.port, "--seed", options.seed, "--rate", options.rate, "--history", options.history]
    words += ["--divide-timers", options.divide_timers, "--ledger", options.ledger]
    words += ["--symbols", options.symbols] if options.symbols else []
    words += ["--only", *options.only] if options.only else []
    words += ["--replay", *options.replay] if options.replay else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.simulator", *map(str, words), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        first = await asyncio.wait_for(process.stdout.readline(), CEILING)
        yield json.loads(first)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), CEILING)
