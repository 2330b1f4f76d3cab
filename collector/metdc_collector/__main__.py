"""``python -m metdc_collector``: the process of a collector pod.

The pod's configuration comes from ``--config FILE`` or the environment variable ``METDC_CONFIG``; see
:mod:`metdc_collector.wire.config`.
"""

import argparse
import asyncio
import gc
import logging
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from metdc_collector import logs
from metdc_collector.access import divided
from metdc_collector.clock import Clock, Timers
from metdc_collector.collector import Collector
from metdc_collector.health import Pages, Server, from_loop, report_pages
from metdc_collector.settings import InvalidSettings, Settings, read
from metdc_collector.wire.config import PodConfig, decode
from metdc_collector.wire.errors import InvalidMessage

log = logging.getLogger("metdc_collector")
_INVALID = 2
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_LAST_PORT = 65535
_OBJECTS = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Run a collector; return the exit code: 0 stopped, all acknowledged or spooled; 1 not all; 2 bad configuration."""
    options = _parser().parse_args(arguments)
    try:
        logs.configure(options.log_level)
        text = Path(options.config).read_text() if options.config else os.environ.get("METDC_CONFIG", "")
        if not text:
            raise InvalidSettings("no configuration: give --config FILE, or set METDC_CONFIG to the JSON itself")
        config = decode(text)
    except (OSError, InvalidSettings, InvalidMessage, ValueError) as error:
        print(f"metdc_collector: {error}", file=sys.stderr)  # noqa: T201 - before there is a log
        return _INVALID
    return start(config, http=options.http, port_file=options.http_port_file)


def start(config: PodConfig, *, http: str, port_file: str | None = None) -> int:
    """Run the collector of a configuration; ``http`` is the address of its probes, ``HOST:PORT``."""
    try:
        settings = read(
            _named(config),
            credentials=_path("METDC_NATS_CREDENTIALS", Path.is_dir, "folder"),
            exchange_credentials=_path("METDC_EXCHANGE_CREDENTIALS", Path.is_dir, "folder"),
            extra_ca=_path("METDC_EXTRA_CA", Path.is_file, "file"),
            upbit_rest=os.environ.get("METDC_UPBIT_REST"),
            spool=_path("METDC_SPOOL", Path.is_dir, "folder"),
        )
        by = divisor()
        host, port = listening(http)
    except InvalidSettings as error:
        print(f"metdc_collector: {error}", file=sys.stderr)  # noqa: T201 - the last word, whatever the log level
        return _INVALID
    collect_garbage_rarely()
    return asyncio.run(_serve(settings, by=by, host=host, port=port, port_file=port_file))


def collect_garbage_rarely() -> None:
    """Have the collector of cycles leave alone what is there from the start, and come once in 20,000 new objects.

    The trades in flight are tens of thousands of objects without a cycle; to go through them each time that 700 more
    have come takes a sixth of the CPU of a trade.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS)


async def _serve(settings: Settings, *, by: float, host: str, port: int, port_file: str | None) -> int:
    try:
        rhythm = divided(settings.venue.rhythm, by)
        collector = Collector(settings, clock=Clock(), timers=Timers().divided(by), rhythm=rhythm)
    except InvalidSettings as error:
        print(f"metdc_collector: {error}", file=sys.stderr)  # noqa: T201 - as in start
        return _INVALID
    ask = from_loop(asyncio.get_running_loop())
    pages = report_pages(lambda: ask(collector.report), collector.turning)
    return await until_told(collector.run, pages, host=host, port=port, port_file=port_file)


def listening(http: str) -> tuple[str, int]:
    """Take the address of probes apart, ``HOST:PORT``; without a host they are on every address.

    Raises:
        InvalidSettings: when it is none.
    """
    host, _, port = http.rpartition(":")
    if _PORT.fullmatch(port) is None or int(port) > _LAST_PORT:
        raise InvalidSettings(f"--http: {http!r} is not HOST:PORT")
    return host or "0.0.0.0", int(port)


async def until_told(
    run: Callable[[asyncio.Event], Awaitable[bool]], pages: Pages, *, host: str, port: int, port_file: str | None
) -> int:
    """Run, and serve the pages meanwhile, until SIGTERM or SIGINT; return the exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        server = Server(pages, host=host, port=port)
    except OSError as error:
        print(f"metdc_collector: --http: cannot listen on {host}:{port}: {error}", file=sys.stderr)  # noqa: T201
        return _INVALID
    log.info("serving probes", extra={"http_port": server.port})
    if port_file is not None:
        _write_port(Path(port_file), server.port)
    try:
        return 0 if await run(stop) else 1
    finally:
        await asyncio.to_thread(server.close)


def _write_port(path: Path, port: int) -> None:
    """Write the port whole or not at all: whoever waits for the file reads it at once."""
    partial = path.with_suffix(".partial")
    partial.write_text(f"{port}\n")
    partial.rename(path)


def _named(config: PodConfig) -> PodConfig:
    """Return the configuration with the pod's name: its own, else the environment's, as the downward API gives it."""
    return config if config.pod else replace(config, pod=os.environ.get("METDC_POD") or os.uname().nodename)


def _path(name: str, exists: Callable[[Path], bool], kind: str) -> Path | None:
    text = os.environ.get(name)
    if text and not exists(Path(text)):
        raise InvalidSettings(f"{name}: {text!r} is no {kind}")
    return Path(text) if text else None


def divisor() -> float:
    """Return by what ``METDC_DIVIDE_TIMERS`` divides the timers.

    Raises:
        InvalidSettings: when it is no number from 1 to 1000.
    """
    name = "METDC_DIVIDE_TIMERS"
    text = os.environ.get(name, "1")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 1000:
        raise InvalidSettings(f"{name}: {text!r} is not a number from 1 to 1000")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m metdc_collector",
        description="Stream one market's public trades into NATS JetStream until SIGTERM.",
        epilog="Exit codes: 0 stopped, every accepted trade acknowledged or spooled; 1 not; 2 invalid configuration.",
    )
    parser.add_argument("--config", metavar="FILE", help="the pod's configuration (JSON); default: METDC_CONFIG itself")
    parser.add_argument(
        "--http", metavar="HOST:PORT", default="0.0.0.0:8080", help="where /livez /readyz /report /metrics are served"
    )
    parser.add_argument("--http-port-file", metavar="FILE", help="write the port here once it is listened on")
    parser.add_argument(
        "--log-level",
        default=os.environ.get("METDC_LOG_LEVEL", "info"),
        help="debug, info, warning or error (default: METDC_LOG_LEVEL, else info)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
