"""`python -m tests.simulator`: prints its addresses as one JSON line and runs until SIGTERM, SIGINT or /shutdown."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from tests.simulator.app import VENUES, Options, Simulator


def options(arguments: list[str] | None = None) -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulator", description="Simulates exchanges: REST, WebSocket, faults."
    )
    _where(parser)
    _what(parser)
    return Options(**vars(parser.parse_args(arguments)))


def _where(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--port", type=int, default=9400, help="control port; the venues take the next ones; 0: free ports (9400)")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--ledger", type=Path, metavar="FILE", help="writes what every venue produced, JSON lines")
    add(
        "--only",
        nargs="+",
        default=[],
        choices=list(VENUES),
        metavar="VENUE",
        help=f"only these of {', '.join(VENUES)}; ports stay (all)",
    )


def _what(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--seed", type=int, default=7, help="of instrument lists, prices, sizes and damage (7)")
    add("--rate", type=float, default=200.0, metavar="R", help="trades per second over all markets (200)")
    add(
        "--divide-timers",
        type=float,
        default=1.0,
        metavar="N",
        help="divides heartbeats, life times and bans; frame and request limits stay (1)",
    )
    add("--replay", type=Path, nargs="+", default=[], metavar="FILE", help="plays recordings, makes no trades")
    add("--symbols", type=int, metavar="N", help="only the N busiest symbols in each main quote trade (all)")
    add(
        "--history",
        type=int,
        default=1000,
        metavar="ROWS",
        help="Phemex: trades of each symbol before the start, which snapshots show (1000)",
    )


async def run(chosen: Options) -> None:
    """Runs until told to stop."""
    try:
        simulator = Simulator(chosen)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, simulator.stopping.set)
    print(json.dumps(await simulator.start()), flush=True)
    await simulator.stopping.wait()
    await simulator.stop()


if __name__ == "__main__":
    asyncio.run(run(options()))
