"""What the bench writes into docs/benchmarks.md: a part for each scene, between two comments that name it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PAGE = "docs/benchmarks.md"
EMPTY = "Not measured yet."

Result = Mapping[str, Any]


def write(path: Path, result: Result, machine: str, sizes: str) -> None:
    """Write each scene of a result in place of what the page had of it; machine and sizes are told in words."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    text = path.read_text(encoding="utf-8")
    for scene in PARTS:
        if scene in result:
            text = replaced(text, scene, part(scene, result, f"{day}, {machine}; {sizes}."))
    path.write_text(text, encoding="utf-8")


def replaced(text: str, scene: str, lines: str) -> str:
    """Return a page's text with a scene's part in place of the present one.

    Raises:
        ValueError: the page has no place for it.
    """
    before, start, rest = text.partition(f"<!-- {scene} -->\n")
    _, end, after = rest.partition(f"<!-- /{scene} -->")
    if not end:
        raise ValueError(f"the page has no place for {scene}")
    return f"{before}{start}{lines}\n{end}{after}"


def part(scene: str, result: Result, head: str) -> str:
    """Return a scene's part: how it was measured, its figures, its targets."""
    lines = ["", f'`make bench ARGS="--only {scene}"`: {head}', "", *PARTS[scene](result[scene])]
    targets = [one for one in result["targets"] if _of(scene, one)]
    if targets:
        lines += ["", "| Target | | Measured | |", "| --- | --- | --- | --- |", *map(_target, targets)]
    return "\n".join([*lines, ""])


def _of(scene: str, target: Result) -> bool:
    return str(target["path"]).partition(".")[0] == scene


def _target(one: Result) -> str:
    least, most = one.get("at_least"), one.get("at_most")
    bound = f"at least {least:g}" if most is None else f"at most {most:g}"
    aim = f", aim {one['aim']:g}" if "aim" in one else ""
    return f"| {one['target']} | {bound}{aim} | {one['measured']:g} | {one['verdict']} |"


def _ages(one: Result | None) -> str:
    if one is None or one.get("age_ms") is None:
        return ""
    return " / ".join(f"{one['age_ms'][name]:g}" for name in ("p50", "p99", "max"))


def _listed(ratios: Result) -> str:
    return ", ".join(f"{name} {ratio:g}" for name, ratio in ratios.items()) or "no peer measured"


def _compare(scene: Result) -> Iterator[str]:
    clients = [name for name in ("bare", "collector", "cryptofeed", "ccxt") if name in scene]
    rates = [rate for rate in scene["collector"] if rate.isdigit()]
    yield f"| | Highest, trades/s | CPU per trade | {' | '.join(f'{int(rate):,}/s: CPU' for rate in rates)} |"
    yield f"| --- | --- | --- |{' --- |' * len(rates)}"
    for name in clients:
        one = scene[name]
        costs = " | ".join(f"{one[rate]['cpu_us']:g} µs" if rate in one else "" for rate in rates)
        yield f"| {name} | {one['trades_per_second']:,} | {one['cpu_us']:g} µs | {costs} |"
    ratios = {name: ratio for name, ratio in scene["ratios"].items() if name != "by_cpu"}
    yield ""
    by_cpu = _listed(scene["ratios"]["by_cpu"])
    yield f"The collector's trades/s as a part of the others': {_listed(ratios)}; by CPU per trade: {by_cpu}."
    yield ""
    yield f"| Age in ms, p50 / p99 / max | {' | '.join(f'{int(rate):,}/s' for rate in rates)} |"
    yield f"| --- |{' --- |' * len(rates)}"
    for name in clients[1:]:
        yield f"| {name} | {' | '.join(_ages(scene[name].get(rate)) for rate in rates)} |"


def _alone(scene: Result) -> Iterator[str]:
    columns = "Sent | Lost | Behind for | CPU per trade | Age in ms, p50 / p99 / max"
    yield f"| {scene['symbols']} symbols, half on one | {columns} |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, words in (("steady", f"{scene['rate']:,}/s"), ("bursts", "bursts")):
        one = scene[name]
        yield (
            f"| {words}, {scene['seconds']:g} s | {one['sent']:,} | {one['lost']} | {one['catch_up_s']:g} s "
            f"| {one['cpu_us']:g} µs | {_ages(one)} |"
        )


def _memory(scene: Result) -> Iterator[str]:
    yield "| Resident | MiB | CPU per trade |"
    yield "| --- | --- | --- |"
    yield f"| at rest | {scene['at_rest_mib']:g} | |"
    for count, mib in scene["tls"].items():
        if count.isdigit():
            yield f"| {count} TLS connections | {mib:g} | |"
    for count, one in scene["loaded"].items():
        yield f"| {int(count):,} symbols, {scene['rate']:,}/s | {one['mib']:g} | {one['cpu_us']:g} µs |"


def _isolation(scene: Result) -> Iterator[str]:
    yield (
        f"{scene['venue']} misbehaves; of the other {scene['others']} markets: {scene['lost']} trades lost, "
        f"{scene['reconnects']} new connections, p99 of the age {scene['quiet_age_ms']['p99']:g} ms when all is quiet."
    )
    yield ""
    yield "| Way | Struck | Seconds | Others' age in ms, p50 / p99 / max | Ratio of p99 |"
    yield "| --- | --- | --- | --- | --- |"
    for name, one in scene["ways"].items():
        yield f"| {name} | {one['struck']} | {one['seconds']:g} | {_ages(one)} | {one['age_ratio']:g} |"


def _twelve(scene: Result) -> Iterator[str]:
    count, highest = scene["connections"], scene["highest"]
    yield f"Twelve markets, {count} connections: {highest:,} trades/s with p99 of the age below 1 s."
    yield ""
    yield "| Trades/s in all | Age in ms, p50 / p99 / max |"
    yield "| --- | --- |"
    for rate, one in scene["rates"].items():
        yield f"| {int(rate):,} | {_ages(one)} |"


PARTS: Mapping[str, Callable[[Result], Iterator[str]]] = {
    "compare": _compare,
    "alone": _alone,
    "memory": _memory,
    "isolation": _isolation,
    "twelve": _twelve,
}
