"""``metdc trades``: stored trades, live or from a time on."""

import asyncio
import sys
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from metdc_collector.cli.arguments import credentials_option, moment, nats_option, trades_pattern
from metdc_collector.cli.showing import Lines, Show, Table
from metdc_collector.exchanges.registry import MARKETS
from metdc_collector.stored.connecting import Connection
from metdc_collector.stored.reading import ReadError, Reading, Start
from metdc_collector.wire import subjects
from metdc_collector.wire.errors import InvalidToken

EPILOG = """\b
Try it:
  metdc trades                                   all exchanges, live
  metdc trades --base BTC --quote USDT           one symbol on all exchanges
  metdc trades trades.binance.spot.BTC.USDT      the same as a NATS subject; * and > are wildcards
  metdc trades --exchange phemex --since 10m --no-follow --format json > phemex.jsonl

\b
Prices are quote coins per base coin, quantities base coins, the side is the taker's,
times are the exchange's in UTC. JSON lines are the payloads as stored (times in ns
since 1970). `--since` means the time of storing, `--from` the number in the stream.
Several streams are merged by time of storing until all are caught up, and come as
they arrive from then on.

\b
Exit codes:
  0  done, also by Ctrl-C or when the reader of a pipe has enough
  1  NATS or its streams cannot be read     2  bad usage
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What to show, and how much of it."""

    pattern: str
    start: Start
    limit: int | None
    follow: bool
    form: Literal["table", "json"]


@click.command(epilog=EPILOG, short_help="Show stored trades, live or from a time on.")
@click.argument("pattern", required=False)
@click.option("--exchange", help=f"One of {', '.join(MARKETS)}.")
@click.option("--market", help="spot or futures.")
@click.option("--base", metavar="COIN", help="Base coin: BTC.")
@click.option("--quote", metavar="COIN", help="Quote coin: USDT.")
@click.option("--since", metavar="TIME", help="Begin so long ago (10m, 1h30m) or at a time (2026-11-23T10:00:00Z).")
@click.option(
    "--from", "number", metavar="SEQ", type=click.IntRange(min=1), help="Begin at this number of the one stream."
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="End after so many trades.")
@click.option("--follow/--no-follow", default=True, help="Wait for new trades, or end at the last.  [default: follow]")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), help="[default: table on a terminal, json elsewhere]"
)
@nats_option
@credentials_option
def trades(
    *,
    pattern: str | None,
    exchange: str | None,
    market: str | None,
    base: str | None,
    quote: str | None,
    since: str | None,
    number: int | None,
    limit: int | None,
    follow: bool,
    form: Literal["table", "json"] | None,
    nats_urls: tuple[str, ...],
    credentials: Path | None,
) -> None:
    """Show the stored trades of PATTERN, a NATS subject, or of the named exchange, market and coins."""
    if pattern and (exchange or market or base or quote):
        raise click.UsageError("give PATTERN or --exchange, --market, --base, --quote, not both")
    if since is not None and number is not None:
        raise click.UsageError("give --since or --from, not both")
    if not follow and since is None and number is None:
        raise click.UsageError("--no-follow shows nothing without a beginning: add --since 10m or --from 1")
    order = Order(
        pattern=trades_pattern(pattern) if pattern else _pattern(exchange, market, base, quote),
        start=Start(time=moment(since, now=time.time_ns()) if since else None, sequence=number),
        limit=limit,
        follow=follow,
        form=form or ("table" if sys.stdout.isatty() else "json"),
    )
    try:
        with suppress(KeyboardInterrupt):  # the usual end of what follows
            asyncio.run(_show(order, nats_urls, credentials))
    except BrokenPipeError:
        raise
    except (ReadError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _pattern(exchange: str | None, market: str | None, base: str | None, quote: str | None) -> str:
    if exchange and exchange not in MARKETS:
        raise click.UsageError(f"unknown exchange {exchange!r}; there are: {', '.join(MARKETS)}")
    markets = MARKETS[exchange] if exchange else sorted({name for names in MARKETS.values() for name in names})
    if market and market not in markets:
        raise click.UsageError(f"unknown market {market!r}; there are: {', '.join(markets)}")
    try:
        coins = [subjects.escape(coin) if coin else "*" for coin in (base, quote)]
    except InvalidToken as error:
        raise click.UsageError(str(error)) from None
    return ".".join(["trades", exchange or "*", market or "*", *coins])


async def _show(order: Order, urls: tuple[str, ...], credentials: Path | None) -> None:
    show: Show = Lines(sys.stdout.buffer) if order.form == "json" else Table(sys.stdout)
    reading = Reading(order.pattern, order.start, order.follow, say=_say, idle=show.flush)
    connection = Connection(reading, urls, credentials, name="metdc trades")
    await connection.open()
    try:
        shown = 0
        async with aclosing(connection.reader.messages()) as messages:
            async for stored in messages:
                show.write(stored)
                shown += 1
                if shown == order.limit:
                    break
    finally:
        await connection.close()
        show.flush()


def _say(text: str) -> None:
    click.echo(f"metdc trades: {text}", err=True)
