"""``metdc listings``: the watcher of listings, and what it has told or could not make sense of."""

import asyncio
import os
import re
from pathlib import Path

import click

from metdc_collector import logs
from metdc_collector.__main__ import divisor, listening, until_told
from metdc_collector.access import divided
from metdc_collector.captures.order import NARROWEST, WIDEST
from metdc_collector.cli.arguments import base_address, credentials_option, nats_option, trusted
from metdc_collector.cli.listings_shown import show
from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.upbit import SPOT, notices
from metdc_collector.listings.figures import pages
from metdc_collector.listings.listener import Key
from metdc_collector.listings.orders import Cluster, Orders
from metdc_collector.listings.watcher import Order, Watcher
from metdc_collector.settings import InvalidSettings
from metdc_collector.stored.connecting import as_folder, nats_settings
from metdc_collector.wire import durations
from metdc_collector.wire.config import DEFAULT_SHARE

EPILOG = """\b
Try it:
  metdc listings                              watch, until Ctrl-C
  metdc listings --exchange-credentials DIR   the official socket as well
  metdc listings --recent                     what was told, and what was not understood
  metdc listings --recent --since 7d --json

\b
Each coin that Upbit lists in KRW is one event on listings.upbit.krw.COIN, once, in the stream METDC_EVENTS. What is
listed when the watcher runs for the very first time counts as known. docs/listings.md says what counts as a listing.

\b
Exit codes:
  0  stopped, every listing that was found is stored     1  one is not, the next run finds it again
  with --recent: 0  shown     1  NATS or its streams cannot be read     both: 2  bad usage
"""
# A key becomes part of a header: a space or a line break would end it early.
_KEY = re.compile(r"[!-~]{1,500}", re.ASCII)


@click.command(epilog=EPILOG, short_help="Watch Upbit for new listings in KRW, and publish each once.")
@click.option("--recent", is_flag=True, help="Don't watch: show what was told, and what was not understood.")
@click.option("--since", metavar="TIME", default="90d", show_default=True, help="With --recent: told since then.")
@click.option("--json", "as_json", is_flag=True, help="With --recent: the records, one a line.")
@nats_option
@credentials_option
@click.option(
    "--exchange-credentials",
    "key_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="METDC_UPBIT_CREDENTIALS",
    help=(
        "Folder with an Upbit key, no rights needed, as the files apiKey and secretKey: opens the official socket"
        " (environment: METDC_UPBIT_CREDENTIALS)."
    ),
)
@click.option(
    "--rest",
    metavar="URL",
    callback=base_address,
    envvar="METDC_UPBIT_REST",
    default=SPOT.endpoints.rest,
    show_default=True,
    help="Where the market list is read (environment: METDC_UPBIT_REST).",
)
@click.option(
    "--announcements",
    metavar="URL",
    callback=base_address,
    envvar="METDC_UPBIT_ANNOUNCEMENTS",
    default=notices.ADDRESS,
    show_default=True,
    help="Where the notices are read (environment: METDC_UPBIT_ANNOUNCEMENTS).",
)
@click.option(
    "--web-socket",
    metavar="URL",
    callback=base_address,
    envvar="METDC_UPBIT_WEB_SOCKET",
    default=SPOT.endpoints.web_socket,
    show_default=True,
    help="Where the official socket is (environment: METDC_UPBIT_WEB_SOCKET).",
)
@click.option(
    "--create-captures",
    is_flag=True,
    help="In a pod: order a ListingCapture of each listing, with the right of the pod's account to create them.",
)
@click.option(
    "--capture-window",
    metavar="BEFORE AFTER",
    nargs=2,
    default=("20s", "20s"),
    show_default=True,
    help="What they capture around the announcement: 1s to 10m each.",
)
@click.option(
    "--http",
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Where /livez, /readyz and /metrics are; port 0 takes a free one, which the log names.",
)
@click.option("--http-port-file", metavar="FILE", help="Write that port to this file once it is listened on.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    envvar="METDC_LOG_LEVEL",
    default="info",
    show_default=True,
    help="Least level that is logged, on stderr.",
)
@click.pass_context
def listings(
    ctx: click.Context,
    /,
    *,
    recent: bool,
    since: str,
    as_json: bool,
    nats_urls: tuple[str, ...],
    credentials: Path | None,
    key_folder: Path | None,
    rest: str,
    announcements: str,
    web_socket: str,
    create_captures: bool,
    capture_window: tuple[str, str],
    http: str,
    http_port_file: str | None,
    log_level: str,
) -> None:
    """Watch Upbit for coins that are newly listed in KRW, and publish each once, until Ctrl-C."""
    if recent:
        show(since, nats_urls, credentials, as_json=as_json)
        return
    with as_folder(credentials) as folder:
        try:
            host, port = listening(http)
            by = divisor()
        except InvalidSettings as error:
            raise click.UsageError(str(error), ctx) from None
        order = Order(
            rest=rest,
            web_socket=web_socket,
            announcements=announcements,
            nats=nats_settings(nats_urls, folder),
            key=None if key_folder is None else _key(key_folder),
            tls=trusted(rest, web_socket, announcements),
            share=DEFAULT_SHARE,
            captures=_orders(*capture_window) if create_captures else None,
        )
        logs.configure(log_level)
        ctx.exit(asyncio.run(_watch(order, by=by, host=host, port=port, port_file=http_port_file)))


async def _watch(order: Order, *, by: float, host: str, port: int, port_file: str | None) -> int:
    watcher = Watcher(order, clock=Clock(), timers=Timers().divided(by), rhythm=divided(SPOT.rhythm, by))
    shown = pages(watcher, asyncio.get_running_loop())
    return await until_told(watcher.run, shown, host=host, port=port, port_file=port_file)


def _orders(before: str, after: str) -> Orders:
    context = click.get_current_context()
    for text in (before, after):
        try:
            known = NARROWEST <= durations.parse(text) <= WIDEST
        except ValueError:
            known = False
        if not known:
            raise click.UsageError(f"--capture-window: {text!r} is no duration from 1s to 10m", context)
    try:
        return Orders(Cluster.of(os.environ), before=before, after=after)
    except InvalidSettings as error:
        raise click.UsageError(str(error), context) from None


def _key(folder: Path) -> Key:
    texts: list[str] = []
    for name in ("apiKey", "secretKey"):
        file = folder / name
        try:
            text = file.read_text().strip()
        except (OSError, ValueError) as error:
            raise click.UsageError(
                f"--exchange-credentials: {file} cannot be read: {type(error).__name__}", click.get_current_context()
            ) from None
        if _KEY.fullmatch(text) is None:
            raise click.UsageError(
                f"--exchange-credentials: {file} holds no key: 1 to 500 characters without spaces",
                click.get_current_context(),
            )
        texts.append(text)
    return Key(*texts)
