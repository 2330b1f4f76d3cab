"""``python -m tests.chaos --seed 7 --schedule short|long [--only FAULT ...] [--venue VENUE ...]``.

Progress on stderr, one JSON object as the last line on stdout. Exit code 0: every row held, 1: one did not, 2: bad
usage, or nothing could be started.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.audit.ledger import BadLedger
from tests.audit.stream import CannotRead
from tests.chaos.faults import FAULTS
from tests.chaos.rounds import audit, markets_of, not_played, play_all, result
from tests.chaos.scene import scene
from tests.chaos.scenes import SCENES, play_own
from tests.chaos.table import TABLE, Row, chosen
from tests.harness import NotInTime, conclude, heed_signals, say

RATE = {"short": 60.0, "long": 60.0}
"""Trades a second of each market in the shared scene."""


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Every fault, and what it cost.")
    parser.add_argument("--seed", type=int, default=7, help="of the simulated exchanges (%(default)s)")
    parser.add_argument("--schedule", choices=sorted(TABLE), default="short", help="which rows (%(default)s)")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAULT", help="only these faults")
    parser.add_argument("--venue", nargs="+", default=[], metavar="VENUE", help="only these: okx, binance.spot, …")
    return parser


def run(rows: Sequence[Row], *, seed: int, rate: float) -> list[dict[str, Any]]:
    """Play the rows and return their results: first those that share a scene, then those with their own.

    Raises:
        NotInTime: when something does not start.
    """
    shared = [row for row in rows if row.fault in FAULTS]
    results: list[dict[str, Any]] = []
    if shared:
        with scene(markets_of(shared), seed=seed, rate=rate) as place:
            done = play_all(place, shared)
            found = audit(place, done)
        results += [result(one.case, it, FAULTS[one.case.fault]) for one, it in zip(done, found, strict=True)]
    for row in rows:
        if row.fault in SCENES:
            results += _own(row, seed=seed)
    return results


def _own(row: Row, *, seed: int) -> list[dict[str, Any]]:
    """Play a row in its own scene; that it could not be played is a result too, for the others are worth having."""
    try:
        return play_own(row, SCENES[row.fault], seed=seed)
    except NotInTime as error:
        say(str(error))
        return [not_played(row.fault, market, str(error).partition("\n")[0]) for market in row.markets]


def play(rows: Sequence[Row], *, seed: int, rate: float) -> tuple[dict[str, Any], bool]:
    """Play the rows and tell what did not hold; return the result, which always proves something."""
    start = time.monotonic()
    found = run(rows, seed=seed, rate=rate)
    for row in found:
        for problem in row.get("problems", ()):
            say(f"{row['fault']} {row['venue']}: {problem}")
    held = sum(row["ok"] for row in found)
    say(f"{held} of {len(found)} rows held ({time.monotonic() - start:.0f} s)")
    return {"ok": held == len(found), "rows": found}, True


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = arguments()
    options = parser.parse_args(argv)
    try:
        rows = chosen(options.schedule, only=frozenset(options.only), venues=frozenset(options.venue))
    except ValueError as error:
        parser.error(str(error))
    if not rows:
        parser.error("no row of the table has both such a fault and such a venue")
    heed_signals()
    work = partial(play, rows, seed=options.seed, rate=RATE[options.schedule])
    about = {"seed": options.seed, "schedule": options.schedule}
    return conclude(work, NotInTime, CannotRead, BadLedger, OSError, **about)


if __name__ == "__main__":
    sys.exit(main())
