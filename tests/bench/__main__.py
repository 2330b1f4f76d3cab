"""``python -m tests.bench [--short] [--only SCENE …]``: what a collector makes of a machine, beside others, in one run.

| scene | measures |
|---|---|
| compare | a bare publisher, the collector, cryptofeed and ccxt pro (without a sink) on the same frames, in turn |
| alone | one market of 500 symbols at 30,000/s, and with bursts of ten times 1,000/s |
| memory | at rest, on 1, 10 and 40 TLS connections, with 1, 500 and 2,300 symbols under load |
| isolation | twelve markets, of which one misbehaves in each of its ways |
| twelve | the highest total rate of twelve markets on many connections, with p99 of the age below a second |

Collectors run in an environment that holds the extra ``collector`` alone, peers in one of their own; where that can't
be made, they are not measured. What a full run measured is written to docs/benchmarks.md, scene by scene.

Progress on stderr, one JSON object as the last line on stdout. ``ok``: no trade was lost or stored twice, no market
suffered from another, a collector at rest keeps to its memory. Targets stand beside what was measured; a missed one is
shown and changes neither ``ok`` nor the exit code. Exit code 0: ok; 1: not; 2: a scene could not be played (`failed`),
or the run is INVALID, since a generator was more than 5 % behind its plan; then nothing is written.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.audit.ledger import BadLedger
from tests.audit.stream import CannotRead
from tests.bench import alone, compare, figures, isolation, memory, page, twelve
from tests.bench.machine import described
from tests.bench.peers import installed
from tests.checks.distribution import Environment, build, install
from tests.harness import NotInTime, Stopped, folder, heed_signals, say

SCENES = ("compare", "alone", "memory", "isolation", "twelve")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        trades, rounds: of the floods.
        seconds: at each rate, and under load.
        long: of one market alone, at a high rate and with bursts.
        quiet: before a venue misbehaves.
        fault: at least, of each way to misbehave.
    """

    trades: int = 400_000
    rounds: int = 5
    seconds: float = 10
    long: float = 60
    quiet: float = 60
    fault: float = 3


FIELDS = tuple(Sizes.__slots__)
SHORT = Sizes(trades=30_000, rounds=1, seconds=2, long=10, quiet=6, fault=1)


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed, memory and isolation, measured.")
    parser.add_argument("--only", nargs="+", choices=SCENES, default=SCENES, metavar="SCENE", help="only these scenes")
    parser.add_argument("--short", action="store_true", help="small sizes, and nothing is written: does it work?")
    for name in FIELDS:
        value = getattr(Sizes(), name)
        parser.add_argument(f"--{name}", type=type(value), help=f"(default: {value:g})")
    return parser


def sizes_of(options: argparse.Namespace) -> Sizes:
    """Return the sizes that a command line asks for."""
    base = SHORT if options.short else Sizes()
    return Sizes(**{name: given if (given := getattr(options, name)) else getattr(base, name) for name in FIELDS})


def measure(scenes: Sequence[str], sizes: Sizes, *, short: bool) -> dict[str, Any]:
    """Measure the scenes one after another; progress goes to stderr. ``failed`` says why one could not be played.

    Raises:
        RuntimeError: there is no collector to measure.
    """
    with folder("metdc-bench-") as where:
        say("building the wheel and an environment with the extra collector alone ...")
        programs = install(Environment(extra="collector"), wheel=build(where / "dist"), folder=where / "venv")
        peers = installed(where / "peers") if "compare" in scenes else None
        floods = compare.Sizes(sizes.trades, sizes.rounds, sizes.seconds)
        work: dict[str, Callable[[], dict[str, Any]]] = {
            "compare": partial(compare.measure, where, programs, peers, floods),
            "alone": partial(alone.measure, where, programs, sizes.long),
            "memory": partial(memory.measure, where, programs, sizes.seconds),
            "isolation": partial(isolation.measure, sizes.quiet, sizes.fault, short=short),
            "twelve": partial(twelve.measure, sizes.seconds, short=short),
        }
        found, failed = dict[str, Any](), dict[str, str]()
        for scene in scenes:
            say(f"{scene}:")
            try:
                found[scene] = work[scene]()
            except (NotInTime, CannotRead, BadLedger, OSError) as error:  # the other scenes are worth having
                say(f"  nothing was measured: {error}")
                failed[scene] = str(error).partition("\n")[0]
        return found | ({"failed": failed} if failed else {})


def concluded(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result with its verdict and the targets beside it."""
    late, broken = figures.late(result), figures.broken(result)
    head: dict[str, Any] = {"ok": not late and not broken and "failed" not in result}
    if late:
        head["invalid"] = late
    if broken:
        head["problems"] = broken
    targets = [judged for target in figures.TARGETS if (judged := target.judge(result))["measured"] is not None]
    return head | {"targets": targets} | result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; return its exit code."""
    options = arguments().parse_args(argv)
    sizes, scenes = sizes_of(options), [scene for scene in SCENES if scene in options.only]
    heed_signals()
    machine = described()
    try:
        result = concluded(measure(scenes, sizes, short=options.short))
    except (Stopped, KeyboardInterrupt):
        result = {"ok": False, "error": "stopped"}
    except (OSError, RuntimeError) as error:
        say(f"nothing was measured: {error}")
        result = {"ok": False, "error": str(error).partition("\n")[0]}
    for line in told(result):
        say(line)
    print(json.dumps({**result, "machine": machine}))
    if "error" in result or "invalid" in result:
        return 2
    if not options.short:
        page.write(Path(page.PAGE), result, machine, ", ".join(f"{name} {getattr(sizes, name):g}" for name in FIELDS))
    return 2 if "failed" in result else 0 if result["ok"] else 1


def told(result: dict[str, Any]) -> list[str]:
    """Return the verdict in lines for a reader."""
    lines = [
        f"{one['verdict']:>6}: {one['target']}: {one['measured']:g} "
        f"({'at most' if 'at_most' in one else 'at least'} {one.get('at_most', one.get('at_least')):g})"
        for one in result.get("targets", ())
    ]
    lines += [f"INVALID: the generator of {path} was behind its plan" for path in result.get("invalid", ())]
    return lines + [f"not ok: {problem}" for problem in result.get("problems", ())]


if __name__ == "__main__":
    sys.exit(main())
