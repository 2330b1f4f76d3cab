"""A stand-in for a collector process, whose behaviour files in the folder ``STANDIN`` decide.

``unready``: /readyz says no. ``crash``: it ends by itself. ``invalid``: it refuses its configuration. ``deaf``: it does
not heed SIGTERM. ``dirty``: it ends with 1. Each start leaves a line in ``starts``, its ``METDC_SPOOL`` in ``spool``,
each end the time in ``<pod>.stopped``. ``unproven``: it doesn't say how it took over.
"""

import argparse
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from metdc_collector.wire import report as reports
from metdc_collector.wire.config import PodConfig, decode

FOLDER = Path(os.environ["STANDIN"])
STARTED = time.time_ns()


def told(name: str) -> bool:
    return (FOLDER / name).exists()


def handover(config: PodConfig) -> reports.Handover | None:
    """How it took over from the one that was started before it, once that has ended."""
    pods = list(dict.fromkeys(line.split()[0] for line in (FOLDER / "starts").read_text().splitlines()))
    place = pods.index(config.pod)
    stopped = FOLDER / f"{pods[place - 1]}.stopped"
    if place == 0 or told("unproven") or not stopped.exists():
        return None
    end = int(stopped.read_text())
    return reports.Handover(pods[place - 1], final=True, started=STARTED, finished=end, overlap=end - STARTED)


def report(config: PodConfig) -> bytes:
    duplicates = (time.time_ns() - STARTED) // 10**6  # one a millisecond
    return reports.encode(
        reports.Report(
            namespace=config.namespace,
            collector=config.name,
            exchange=config.exchange,
            market=config.market,
            shard=config.shard,
            shards=config.shards,
            pod=config.pod,
            uid=config.uid,
            slot=config.slot,
            started=STARTED,
            at=time.time_ns(),
            state="streaming",
            ready=not told("unready"),
            waiting=("the file unready to go",) if told("unready") else (),
            nats=reports.Nats(connected=True, acknowledged=True, stream="TRADES_BINANCE", stream_in_sync=True),
            symbols=reports.Symbols(wanted=3, streaming=3, listed_at=STARTED),
            connections=reports.Connections(active=1),
            trades=reports.Trades(received=duplicates, duplicates=duplicates),
            score=1.0,
            handover=handover(config),
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("--config", "--http", "--http-port-file"):
        parser.add_argument(name, type=str, required=True)
    options = parser.parse_args()
    config = decode(Path(options.config).read_text())
    (FOLDER / "spool").write_text(os.environ.get("METDC_SPOOL", ""))
    (FOLDER / "exchange").write_text(os.environ.get("METDC_EXCHANGE_CREDENTIALS", ""))
    with (FOLDER / "starts").open("a") as starts:
        starts.write(f"{config.pod} {config.slot} {config.limit_share}\n")
    if told("invalid"):
        print("standin: spec.exchange: is of no use", file=sys.stderr)
        return 2
    if told("crash"):
        return 3

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ready = self.path != "/readyz" or not told("unready")
            body = report(config) if self.path == "/report" else b""
            self.send_response(200 if ready else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: None if told("deaf") else stop.set())
    partial = Path(options.http_port_file).with_suffix(".partial")
    partial.write_text(f"{server.server_address[1]}\n")
    partial.rename(options.http_port_file)
    while not stop.wait(0.05):
        if told("crash"):
            return 3
    file = FOLDER / f"{config.pod}.stopped"
    file.with_suffix(".partial").write_text(str(time.time_ns()))
    file.with_suffix(".partial").rename(file)
    return 1 if told("dirty") else 0


if __name__ == "__main__":
    sys.exit(main())
