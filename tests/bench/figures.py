"""What the bench makes of what it measured: ages, plans that were kept, targets. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

BEHIND = 0.05
"""The part of its plan by which a generator may be late at the end; beyond, the run says nothing of who was fed."""
SLICE = 0.001
"""Seconds of a plan that are written at once."""
BURST_EVERY, BURST_TIMES = 10.0, 10
"""A plan with bursts has one second of so many times its rate, every so many seconds."""
_NS_PER_MS = 1e6

Verdict = Literal["met", "missed", "not measured"]


def plan(seconds: float, rate: float, *, bursts: bool = False) -> Iterator[tuple[float, int]]:
    """Yield when each slice is due, in seconds from the start, and how many trades it has.

    Fractions of a trade are carried on, so that the sum is the plan's.
    """
    owed, made = 0.0, 0
    for number in range(math.ceil(seconds / SLICE - 1e-9)):
        due = number * SLICE
        owed += rate * SLICE * (BURST_TIMES if bursts and in_burst(due) else 1)
        count = int(owed + 1e-6) - made
        made += count
        if count:
            yield due, count


def in_burst(due: float) -> bool:
    """Whether this second of a plan with bursts is one: the last of each span of :data:`BURST_EVERY`."""
    return due % BURST_EVERY >= BURST_EVERY - 1 - 1e-9


def behind(planned: float, took: float) -> float:
    """By which part of its plan a generator was late at the end; 0 when it was not.

    Args:
        planned: seconds from the start at which the last slice was due.
        took: seconds at which it was written.
    """
    return max(0.0, took - planned) / planned if planned > 0 else 0.0


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the least of the values that ``share`` (above 0, at most 1) of all do not exceed; by nearest rank.

    Raises:
        ValueError: there are no values.
    """
    if not ordered:
        raise ValueError("no values, so no percentile")
    return ordered[math.ceil(share * len(ordered)) - 1]


def ages(values: Sequence[int]) -> dict[str, float] | None:
    """Return what became of ages in ns: p50, p99 and the highest, in ms; None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    shares = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    return {name: round(percentile(ordered, share) / _NS_PER_MS, 2) for name, share in shares}


def catch_up(rows: Sequence[tuple[int, int]], *, usual: int) -> float:
    """Return the longest span, in seconds of the exchange's time, in which each trade was older than ``usual``.

    Args:
        rows: (exchange time, age) in ns, in order of time.
        usual: ns that a trade may be old when nothing is behind.
    """
    longest, since = 0, None
    for time, age in rows:
        if age <= usual:
            since = None
        else:
            since = time if since is None else since
            longest = max(longest, time - since)
    return round(longest / 1e9, 3)


@dataclass(frozen=True, slots=True)
class Target:
    """A goal of the design, measured and never a test.

    Attributes:
        what: in words, with its unit.
        path: where the result has the figure, ``compare.ratios.ceiling``.
        bound: what it must be.
        most: whether the bound is the most that it may be, rather than the least.
        aim: what is aimed at beyond the bound, if anything.
    """

    what: str
    path: str
    bound: float
    most: bool = False
    aim: float | None = None

    def judge(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the goal beside what was measured."""
        found = at(result, self.path)
        verdict: Verdict = "not measured"
        if found is not None:
            verdict = "met" if (found <= self.bound if self.most else found >= self.bound) else "missed"
        aim = {} if self.aim is None else {"aim": self.aim}
        words = {"target": self.what, "path": self.path, "at_most" if self.most else "at_least": self.bound}
        return {**words, **aim, "measured": found, "verdict": verdict}


def at(result: Mapping[str, Any], path: str) -> float | None:
    """Return the figure at a path of names; None where it was not measured."""
    here: Any = result
    for name in path.split("."):
        if not isinstance(here, Mapping) or here.get(name) is None:
            return None
        here = here[name]
    return float(here)


TARGETS = (
    Target("trades/s on one core, against the bare publisher", "compare.ratios.ceiling", 0.5, aim=0.6),
    Target("trades/s against ccxt pro without a sink", "compare.ratios.ccxt", 2.5),
    Target("trades/s against cryptofeed without a sink", "compare.ratios.cryptofeed", 0.7, aim=0.9),
    Target("age p99 at 5,000/s (ms)", "compare.collector.5000.age_ms.p99", 10, most=True),
    Target("trades lost of one market at 30,000/s, half on one of 500 symbols", "alone.steady.lost", 0, most=True),
    Target("trades lost of bursts of ten times 1,000/s", "alone.bursts.lost", 0, most=True),
    Target("resident at rest (MiB)", "memory.at_rest_mib", 40, most=True),
    Target("resident with 2,300 symbols under load (MiB)", "memory.loaded_mib", 60, most=True),
    Target("resident of each TLS connection (MiB)", "memory.tls.each_mib", 0.35, most=True),
    Target("CPU per trade with 2,300 symbols against one", "memory.flat", 1.15, most=True),
    Target("p99 age of the others beside a faulty venue, against quiet", "isolation.worst_age_ratio", 3, most=True),
)


REST_MIB = 40.0
"""What a collector at rest may take of resident memory."""


def late(result: Mapping[str, Any]) -> list[str]:
    """Return the paths of all runs whose generator was behind its plan by more than :data:`BEHIND`."""
    found = []
    for name, part in result.items():
        if name == "behind" and part > BEHIND:
            found.append("")
        elif isinstance(part, Mapping):
            found += [f"{name}.{inner}".rstrip(".") for inner in late(part)]
    return found


def broken(result: Mapping[str, Any]) -> list[str]:
    """Return what is no matter of speed, in words: trades lost, other markets touched, memory at rest."""
    found = [f"{path}: {count} trades {what}" for path, what, count in _counted(result)]
    if reconnects := at(result, "isolation.reconnects"):
        found.append(f"isolation: {reconnects:g} connections of other markets came anew")
    apart = result.get("isolation", {})
    found += [f"isolation: {problem}" for problem in apart.get("problems", ())]
    found += [f"isolation: {name} struck nobody" for name, way in apart.get("ways", {}).items() if not way["struck"]]
    resting = at(result, "memory.at_rest_mib")
    if resting is not None and resting > REST_MIB:
        found.append(f"memory: {resting} MiB at rest, above {REST_MIB:g}")
    return found


def _counted(result: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, int]]:
    for name, part in result.items():
        if name in ("lost", "repeated") and part:
            yield path, name, part
        elif isinstance(part, Mapping):
            yield from _counted(part, f"{path}.{name}".removeprefix("."))
