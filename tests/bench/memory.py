"""Resident memory of a collector: at rest, with TLS connections, with many symbols under load; what a symbol costs."""

import time
from pathlib import Path
from typing import Any

import trustme

from tests.bench.collectors import STREAM, collector, source
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
_SETTLED = 3.0
"""Seconds after readiness: what the start took has been given back by then."""


def measure(where: Path, programs: Path, seconds: float) -> dict[str, Any]:
    """Measure everything, each in a process of its own; ``seconds`` of load."""
    at_rest = _at_rest(where, programs)
    say(f"  at rest: {at_rest} MiB")
    secure = _secure(where, programs)
    loaded = {str(count): _loaded(where, programs, count, seconds) for count in LOADED}
    one, many = (loaded[str(count)]["cpu_us"] for count in (LOADED[0], LOADED[-1]))
    return {
        "at_rest_mib": at_rest,
        "tls": secure,
        "loaded": loaded,
        "loaded_mib": loaded[str(LOADED[-1])]["mib"],
        "flat": round(many / one, 3),
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


def _loaded(where: Path, programs: Path, symbols: int, seconds: float) -> dict[str, Any]:
    with (
        nats_server(where / f"loaded-{symbols}") as server,
        source(symbols) as fed_by,
        collector(programs, where, fed_by, server) as ours,
    ):
        ours.warm()
        warm = read(server.port, STREAM).last
        run = ours.keep(seconds, RATE)
        cpu, mib = round(run.cpu_seconds / run.trades * 1e6, 1), round(resident_mib(ours.process.pid), 1)
        say(f"  {symbols} symbols: {cpu} us of CPU a trade, {mib} MiB")
        lost = read(server.port, STREAM, after=warm).lost(run.trades)
        return {"cpu_us": cpu, "mib": mib, "behind": run.behind, "lost": lost}
