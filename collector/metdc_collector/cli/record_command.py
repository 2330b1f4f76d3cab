"""``metdc record``: an exchange's raw frames, as they come, into a file."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click

from metdc_collector import logs, recorder
from metdc_collector.cli.arguments import (
    MARKET_HELP,
    base_address,
    market_arguments,
    selection_options,
    split,
    the_venue,
    trusted,
)
from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import Endpoints, InvalidListing
from metdc_collector.recorder import NothingSelected, Order, Recording
from metdc_collector.rest import RestError
from metdc_collector.universe import Selection
from metdc_collector.wire.config import DEFAULT_SHARE

EPILOG = f"""{MARKET_HELP}

\b
Try it:
  metdc record binance spot --include BTC,ETH --seconds 60 --output binance.jsonl
  metdc parse binance spot --instruments binance.jsonl binance.jsonl
  make replay FILES=binance.jsonl
  metdc record kucoin futures --frames 1000 | gzip > kucoin.jsonl.gz

\b
Each line is {{"t":SECONDS,"kind":"http"|"connect"|"send"|"recv","url":…,"data":…}}: the instrument list and
every other REST reply, and each frame byte for byte; "binary":true where it came with that opcode. `url`
names the exchange's own address, whatever --rest and --web-socket are. Ctrl-C (or SIGTERM) ends it.

\b
The last line, on stderr, counts what was received:
  {{"frames":N,"trades":N}}

\b
Exit codes:
  0  frames were recorded     1  none came, or they could not be written     2  bad usage
"""


@click.command(epilog=EPILOG, short_help="Write an exchange's raw frames to a file.")
@market_arguments
@selection_options
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Stop N seconds after the list was read.",
)
@click.option("--frames", type=click.IntRange(min=1), metavar="N", help="Stop after N received frames.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where to.  [default: stdout]"
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option(
    "--rest", metavar="URL", callback=base_address, help="Another REST base address: a gateway or a simulator."
)
@click.option("--web-socket", metavar="URL", callback=base_address, help="Another WebSocket base address.")
@click.pass_context
def record(
    ctx: click.Context,
    /,
    *,
    exchange: str,
    market: str,
    quotes: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    seconds: float | None,
    frames: int | None,
    output: Path | None,
    force: bool,
    rest: str | None,
    web_socket: str | None,
) -> None:
    """Write the raw frames of EXCHANGE MARKET, as a collector receives them, until Ctrl-C; no NATS is needed."""
    venue = the_venue(exchange, market)
    endpoints = Endpoints(rest or venue.endpoints.rest, web_socket or venue.endpoints.web_socket)
    order = Order(
        venue=venue,
        endpoints=endpoints,
        tls=trusted(endpoints.rest, endpoints.web_socket),
        selection=Selection(split(quotes) or venue.default_quotes, split(include), split(exclude)),
        share=DEFAULT_SHARE,
        seconds=seconds,
        frames=frames,
    )
    logs.configure("info")
    try:
        with _opened(output, force=force) as out:
            done = asyncio.run(_until_told(order, out))
    except BrokenPipeError:
        raise  # whoever read it has had enough
    except (RestError, InvalidListing, NothingSelected, OSError) as error:
        raise click.ClickException(f"{exchange} {market}: {error}") from None
    click.echo(json.dumps({"frames": done.frames, "trades": done.trades}), err=True)
    ctx.exit(0 if done.frames else 1)


async def _until_told(order: Order, out: BinaryIO) -> Recording:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await recorder.record(order, out, stop, Clock())


@contextmanager
def _opened(path: Path | None, *, force: bool) -> Iterator[BinaryIO]:
    """Open the output; a new file in which nothing was written is removed."""
    if path is None:
        yield sys.stdout.buffer
        return
    try:
        file = path.open("wb" if force else "xb")
    except FileExistsError:
        raise click.UsageError(f"{path} exists; --force overwrites it", click.get_current_context()) from None
    except OSError as error:
        raise click.UsageError(f"--output {path}: {error.strerror}", click.get_current_context()) from None
    try:
        yield file
    finally:
        with suppress(OSError):  # told when the line was written
            file.close()
        if not force and not path.stat().st_size:
            path.unlink()
