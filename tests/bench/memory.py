"""Resident memory of a collector: at rest, with TLS connections, with many symbols under load; what a symbol costs."""

import contextlib
import statistics
import time
from pathlib import Path
from typing import Any

import trustme

from tests.bench.collectors import STREAM, Collector, collector, source
from tests.bench.machine import resident_mib
from tests.bench.stored import read
from tests.harness import nats_server, say

RESTING = 500
"""Instruments of the collector at rest."""
SECURE = 240
"""Instruments behind TLS, on ever more connections."""
CONNECTIONS = (1, 10, 40)
LOADED = (1, 500, 2_300)
"""Instruments under load."""
RATE = 5_000
ROUNDS = 5
_SETTLED = 3.0
"""Seconds after readiness: what the start took has been given back by then."""


def measure(where: Path, programs: Path, seconds: float) -> dict[str, Any]:
    """Measure everything, each in a process of its own; ``seconds`` of load."""
    at_rest = _at_rest(where, programs)
    say(f"  at rest: {at_rest} MiB")
    secure = _secure(where, programs)
    loaded, flat = _loaded(where, programs, seconds)
    return {
        "at_rest_mib": at_rest,
        "tls": secure,
        "loaded": loaded,
        "loaded_mib": loaded[str(LOADED[-1])]["mib"],
        "flat": flat,
        "rate": RATE,
    }


def _at_rest(where: Path, programs: Path) -> float:
    with (
        nats_server(where / "rest") as server,
        source(RESTING) as fed_by,
        collector(programs, where, fed_by, server) as ours,
    ):
        time.sleep(_SETTLED)
        return round(resident_mib(ours.process.pid), 1)


def _secure(where: Path, programs: Path) -> dict[str, Any]:
    """Measure with the same instruments on one TLS connection, on ten, on forty."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(where / "ca.crt")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(where / "exchange.pem")
    found: dict[str, Any] = {}
    with source(SECURE, certificate=where / "exchange.pem") as fed_by:
        for count in CONNECTIONS:
            module, env = ("tests.narrow", str(SECURE // count)), {"METDC_EXTRA_CA": str(where / "ca.crt")}
            with (
                nats_server(where / f"tls-{count}") as server,
                collector(programs, where, fed_by, server, module=module, env=env) as ours,
            ):
                assert ours.report()["connections"]["active"] == count, "the instruments divide evenly"
                time.sleep(_SETTLED)
                found[str(count)] = round(resident_mib(ours.process.pid), 1)
                say(f"  {count} TLS connections: {found[str(count)]} MiB")
    few, many = CONNECTIONS[0], CONNECTIONS[-1]
    return found | {"each_mib": round((found[str(many)] - found[str(few)]) / (many - few), 3)}


def _loaded(where: Path, programs: Path, seconds: float) -> tuple[dict[str, Any], float]:
    """Load one collector after the other, in turn again and again, while the others rest.

    Return what each took, medians of the rounds, and the median of the ratios between the most symbols and the fewest.
    """
    with contextlib.ExitStack() as stack:
        ports, ours = dict[int, int](), dict[int, Collector]()
        for count in LOADED:
            server = stack.enter_context(nats_server(where / f"loaded-{count}"))
            fed_by = stack.enter_context(source(count))
            ports[count] = server.port
            ours[count] = stack.enter_context(collector(programs, where, fed_by, server))
            ours[count].warm()
        warm = {count: read(port, STREAM).last for count, port in ports.items()}
        rounds = [{count: one.keep(seconds / 2, RATE) for count, one in ours.items()} for _ in range(ROUNDS)]
        found = {}
        for count, port in ports.items():
            runs = [each[count] for each in rounds]
            cpu, mib = statistics.median(run.cpu_us for run in runs), resident_mib(ours[count].process.pid)
            say(f"  {count} symbols: {cpu:.1f} us of CPU a trade, {mib:.1f} MiB")
            lost = read(port, STREAM, after=warm[count]).lost(sum(run.trades for run in runs))
            behind = max(run.behind for run in runs)
            found[str(count)] = {"cpu_us": round(cpu, 1), "mib": round(mib, 1), "behind": behind, "lost": lost}
    flat = statistics.median(each[LOADED[-1]].cpu_us / each[LOADED[0]].cpu_us for each in rounds)
    return found, round(flat, 3)
