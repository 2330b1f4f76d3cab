"""``metdc capture``: a coin's trades around a moment on all markets, analysed and kept."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from metdc_collector.__main__ import listening
from metdc_collector.captures.folder import Made
from metdc_collector.captures.order import CaptureRefused, Order
from metdc_collector.captures.report import summary
from metdc_collector.captures.run import Capturing
from metdc_collector.captures.store import BUCKET, Store, StoreFailed
from metdc_collector.captures.telling import Telling
from metdc_collector.cli.arguments import credentials_option, moment, nats_option, split, the_venue
from metdc_collector.exchanges.registry import MARKETS
from metdc_collector.health import Server
from metdc_collector.settings import InvalidSettings
from metdc_collector.stored import parquet
from metdc_collector.stored.connecting import Connection
from metdc_collector.stored.reading import ReadError, Reading, Start
from metdc_collector.wire import durations, subjects
from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.errors import InvalidToken

EPILOG = f"""\b
Try it:
  metdc capture SOMI --at 2026-11-27T02:00:00Z
  metdc capture SOMI --at 0s --wait            now, and again until nothing is missing
  metdc capture SOMI --at 10m --before 30s --after 2m --market binance --market okx.spot
  metdc captures show SOMI

\b
BASE is the coin's common name, as in subjects. The window is [TIME - before, TIME + after), by
the exchanges' time of each trade; where it is not over yet, that is waited for. All quotes are
in. A collector must be running by then: what is captured was stored before, in the 11 minutes
before the window and until now, so it works as long as the streams hold the trades.

\b
The result is a folder in the object store {BUCKET}: metadata.json, trades/ of each market
(JSON lines, Parquet), analysis.json and report.html. `metdc captures` lists and fetches it.
It is Provisional while something may still be filled, 15 minutes at most, else Final.

\b
Exit codes:
  0  captured     1  NATS or its streams cannot be read, or the result not be kept
  2  bad usage, or a window in the future
  3  nothing to capture: unknown coin, nothing traded, or no longer stored
"""


class NothingToCapture(click.ClickException):
    """There is nothing to capture."""

    exit_code = 3


@click.command(epilog=EPILOG, short_help="Capture a coin's trades around a moment on all markets, and analyse them.")
@click.argument("base")
@click.option("--at", metavar="TIME", required=True, help="The announcement: 2026-11-27T02:00:00Z, or so long ago.")
@click.option("--before", metavar="SPAN", default="20s", show_default=True, help="How long before: 1s to 10m.")
@click.option("--after", metavar="SPAN", default="20s", show_default=True, help="How long after, likewise.")
@click.option(
    "--market", "markets", metavar="NAME", multiple=True, help="Only these: binance or binance.spot; may be repeated."
)
@click.option("--wait", is_flag=True, help="Make it again until it is final: 15 minutes after the window at most.")
@click.option(
    "--http",
    metavar="HOST:PORT",
    help="Serve /report there meanwhile; port 0 takes a free one, as --http-port-file tells.",
)
@click.option("--http-port-file", type=click.Path(path_type=Path), help="Write that port to this file.")
@click.option(
    "--last-words",
    type=click.Path(path_type=Path),
    help="Write the report to this file at the end, as many of it as Kubernetes keeps: /dev/termination-log.",
)
@nats_option
@credentials_option
def capture(
    *,
    base: str,
    at: str,
    before: str,
    after: str,
    markets: tuple[str, ...],
    wait: bool,
    http: str | None,
    http_port_file: Path | None,
    last_words: Path | None,
    nats_urls: tuple[str, ...],
    credentials: Path | None,
) -> None:
    """Capture the trades of BASE around TIME on all markets, and analyse them."""
    order = Order(_coin(base), moment(at, now=time.time_ns()), _span(before), _span(after), _markets(split(markets)))
    if not parquet.available():
        raise click.UsageError("it needs pyarrow, which this installation lacks: pip install 'metdc[parquet]'")
    telling = Telling(order)
    try:
        with _served(telling, http, http_port_file), _left(telling, last_words):
            asyncio.run(_capture(order, telling, nats_urls, credentials, wait=wait))
    except CaptureRefused as error:
        if error.reason in ("Invalid", "InFuture"):
            raise click.UsageError(str(error)) from None
        raise NothingToCapture(str(error)) from None
    except (ReadError, StoreFailed) as error:
        raise click.ClickException(str(error)) from None
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None


@contextlib.contextmanager
def _served(telling: Telling, http: str | None, port_file: Path | None) -> Iterator[None]:
    """Serve the pages, where an address is named."""
    if http is None:
        yield
        return
    try:
        host, port = listening(http)
        server = Server(telling.pages(), host=host, port=port)
    except (InvalidSettings, OSError) as error:
        raise click.UsageError(f"--http {http}: {error}") from None
    try:
        if port_file is not None:
            port_file.write_text(f"{server.port}\n")
        yield
    finally:
        server.close()


@contextlib.contextmanager
def _left(telling: Telling, file: Path | None) -> Iterator[None]:
    """Leave the last words, however it ends."""
    try:
        yield
    except CaptureRefused as error:
        telling.refused(error)
        raise
    except (ReadError, StoreFailed) as error:
        telling.failed(error)
        raise
    finally:
        if file is not None:
            telling.leave(file)


def _coin(base: str) -> str:
    try:
        subjects.escape(base)
    except InvalidToken as error:
        raise click.UsageError(str(error)) from None
    return base


def _span(text: str) -> int:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _markets(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        exchange, dot, market = name.partition(".")
        the_venue(exchange, market if dot else next(iter(MARKETS.get(exchange, ("spot",)))))
    return names


async def _capture(
    order: Order, telling: Telling, urls: tuple[str, ...], credentials: Path | None, *, wait: bool
) -> None:
    # The first process of a container is not ended by a signal that it doesn't handle.
    work = asyncio.current_task()
    assert work is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    reading = Reading(order.pattern("trades"), Start(time=order.read_from), follow=False, say=_say, idle=_nothing)
    connection = Connection(reading, urls, credentials, name="metdc capture")
    await connection.open()
    try:
        store = Store(connection.library)
        capturing = Capturing(connection.jetstream, store, now=time.time_ns, sleep=asyncio.sleep, stage=telling.stage)
        told = _teller(telling)
        if (left := order.end - time.time_ns()) > 0 and left <= order.after:
            _say(f"the window of {order.name} is over in {-(-left // SECOND)} s")
        if wait:
            await capturing.until_final(order, told)
        else:
            told(await capturing.once(order))
    finally:
        await connection.close()


def _teller(telling: Telling) -> Callable[[Made], None]:
    def told(made: Made) -> None:
        telling.made(made)
        _tell(made)

    return told


def _tell(made: Made) -> None:
    order, judgement = made.analysis.order, made.judgement
    trades = sum(map(len, made.gathered.window.values()))
    lacking = sum(bool(lacks) for lacks in judgement.markets.values())
    click.echo(f"{order.name}: {judgement.state}, {trades:,} trades of {len(made.gathered.window)} instruments")
    click.echo(summary(made.analysis))
    if lacking or judgement.missing:
        click.echo(
            f"{lacking} of {len(judgement.markets)} instruments may lack something,"
            f" {len(judgement.missing)} markets are missing: metdc captures show {order.name}"
        )
    late = (time.time_ns() - order.end) // 1_000_000
    _say(f"kept {order.name}, {late / 1_000:,.1f} s after the window")


def _nothing() -> None:
    """Nothing is shown while reading."""


def _say(text: str) -> None:
    click.echo(f"metdc capture: {text}", err=True)
