"""``metdc verify``: each assumption about an exchange beside what the exchange does."""

import asyncio
import json
import logging
import os
import signal
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click
from rich.table import Table
from rich.text import Text

from metdc_collector import logs
from metdc_collector.access import trust
from metdc_collector.cli.arguments import MARKET_HELP, split, the_venue
from metdc_collector.cli.showing import Terminal
from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import Endpoints, Rhythm
from metdc_collector.exchanges.registry import MARKETS
from metdc_collector.verify.checks import Result, Verdict
from metdc_collector.verify.run import Order, Watch
from metdc_collector.wire.config import DEFAULT_SHARE

log = logging.getLogger(__name__)
_TOLD_EVERY = 10.0
_STYLES = {Verdict.HELD: "green", Verdict.BROKEN: "bold red", Verdict.NOT_SEEN: "yellow"}

EPILOG = f"""{MARKET_HELP}

\b
Try it:
  metdc verify --live                                         all markets, ten minutes
  metdc verify --live --market binance --market okx.spot --minutes 2
  metdc verify --endpoints addresses.json                     a simulator, or gateways

\b
FILE of --endpoints is what the simulator prints, or its member `venues`:
  {{"binance":{{"spot":{{"rest":"http://127.0.0.1:9401","webSocket":"ws://127.0.0.1:9401"}}}}}}
Markets that it names are asked there; without --market, only they are verified.

\b
A market takes four connections: two that are compared, one that asks for an instrument that doesn't
exist, one that says nothing until it is cut (Bybit does so after ten minutes: --minutes 11).
What was not seen is told as `not seen`, and proves nothing. Ctrl-C ends early, with what was seen.

\b
Exit codes:
  0  nothing seen was otherwise than assumed     1  something was     2  nothing was seen, or bad usage
"""


@click.command(epilog=EPILOG, short_help="Compare what we assume of the exchanges with what they do.")
@click.option("--live", is_flag=True, help="Connect to the exchanges themselves.")
@click.option(
    "--market", "markets", metavar="NAME", multiple=True, help="Only these: binance or binance.spot; may be repeated."
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, metavar="N")
@click.option(
    "--include", metavar="NAME", multiple=True, help="Instruments, as `metdc record` takes them.  [default: a few]"
)
@click.option("--endpoints", type=click.File("r"), metavar="FILE", help="Other addresses, as JSON; - is stdin.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a market in place of tables.")
@click.option(
    "--divide-timers", "by", type=click.FloatRange(min=1), default=1, envvar="METDC_DIVIDE_TIMERS", hidden=True
)
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    *,
    live: bool,
    markets: tuple[str, ...],
    minutes: float,
    include: tuple[str, ...],
    endpoints: TextIO | None,
    as_json: bool,
    by: float,
) -> None:
    """Compare each assumption of ours about an exchange with what the exchange does; no NATS is needed."""
    addresses = _addresses(endpoints)
    orders = [
        _order(exchange, market, addresses, live=live, by=by, seconds=minutes * 60, include=split(include))
        for exchange, market in _selected(split(markets), addresses)
    ]
    logs.configure("info")
    watches = asyncio.run(_until_told(orders))
    found = [result for _, results in watches for result in results]
    console = Terminal(file=sys.stdout, highlight=False)
    for watch, results in watches:
        if as_json:
            click.echo(json.dumps(_record(watch, results), ensure_ascii=False))
        else:
            console.print(_table(watch, results))
    verdicts = {result.verdict for result in found}
    ctx.exit(1 if Verdict.BROKEN in verdicts else 0 if Verdict.HELD in verdicts else 2)


# -- what to verify


def _addresses(file: TextIO | None) -> Mapping[str, Mapping[str, Endpoints]]:
    if file is None:
        return {}
    try:
        told = json.load(file)
        told = told.get("venues", told)
        return {
            exchange: {
                market: Endpoints(place["rest"].rstrip("/"), place["webSocket"].rstrip("/"))
                for market, place in markets.items()
            }
            for exchange, markets in told.items()
        }
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        ctx = click.get_current_context()
        raise click.UsageError(f"--endpoints: not the JSON that --help shows: {error!r}", ctx) from None


def _selected(asked: Sequence[str], addresses: Mapping[str, Mapping[str, Endpoints]]) -> list[tuple[str, str]]:
    if not asked:
        return [(exchange, market) for exchange, all_of_it in (addresses or MARKETS).items() for market in all_of_it]
    chosen: dict[tuple[str, str], None] = {}
    for name in asked:
        exchange, _, market = name.partition(".")
        for one in (market,) if market else MARKETS.get(exchange, ("spot",)):
            the_venue(exchange, one)
            chosen[exchange, one] = None
    return list(chosen)


def _order(
    exchange: str,
    market: str,
    addresses: Mapping[str, Mapping[str, Endpoints]],
    *,
    live: bool,
    by: float,
    seconds: float,
    include: Sequence[str],
) -> Order:
    venue = the_venue(exchange, market)
    endpoints = addresses.get(exchange, {}).get(market)
    if endpoints is None and not live:
        message = f"{exchange}.{market} would be asked at the exchange itself: --live allows it"
        raise click.UsageError(f"{message}, --endpoints names other addresses", click.get_current_context())
    where = endpoints or venue.endpoints
    return Order(
        venue=venue,
        endpoints=where,
        rhythm=_divided(venue.rhythm, by),
        tls=_trust(where),
        include=include,
        share=DEFAULT_SHARE,
        seconds=seconds,
    )


def _divided(rhythm: Rhythm, by: float) -> Rhythm:
    """Return the rhythm for a simulator that divides its own timers; silence is not judged here."""
    return rhythm if rhythm.heartbeat is None else replace(rhythm, heartbeat=rhythm.heartbeat / by)


def _trust(endpoints: Endpoints) -> ssl.SSLContext | None:
    file = os.environ.get("METDC_EXTRA_CA")
    try:
        return trust((endpoints.rest, endpoints.web_socket), Path(file) if file else None)
    except OSError as error:
        message = f"METDC_EXTRA_CA: {file} cannot be used: {error.strerror}"
        raise click.UsageError(message, click.get_current_context()) from None


# -- watching


async def _until_told(orders: Sequence[Order]) -> list[tuple[Watch, list[Result]]]:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    watches = [Watch(order, Clock()) for order in orders]
    telling = asyncio.create_task(_tell(watches))
    try:
        for watch in watches:  # one after the other: the largest take a second to read, and nothing is urgent yet
            if not stop.is_set():
                await watch.read_list()
        found = await asyncio.gather(*(watch.run(stop) for watch in watches))
    finally:
        telling.cancel()
    return list(zip(watches, found, strict=True))


async def _tell(watches: Sequence[Watch]) -> None:
    while True:
        await asyncio.sleep(_TOLD_EVERY)
        heard = [one for watch in watches for one in watch.seen.connections]
        trades, lasting = sum(one.trades for one in heard), sum(one.ended is None for one in heard)
        log.info("%d markets, %d connections, %d trades", len(watches), lasting, trades)


# -- telling


def _record(watch: Watch, results: Sequence[Result]) -> dict[str, Any]:
    venue = watch.order.venue
    assumptions = [{**result._asdict(), "verdict": result.verdict.value} for result in results]
    problems = watch.seen.problems
    return {"exchange": venue.exchange, "market": venue.market, "assumptions": assumptions, "problems": problems}


def _table(watch: Watch, results: Sequence[Result]) -> Table:
    told = "; ".join(watch.seen.problems)
    table = Table(title=watch.order.key, title_justify="left", title_style="bold", caption=told or None)
    for heading in ("assumption", "expected", "observed"):
        table.add_column(heading, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for result in results:
        verdict = Text(result.verdict.value, style=_STYLES[result.verdict])
        table.add_row(result.assumption, Text(result.expected), Text(result.observed), verdict)
    return table
