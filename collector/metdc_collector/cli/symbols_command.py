"""``metdc symbols``: what would be subscribed, and why not the rest."""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
from rich.table import Table
from rich.text import Text

from metdc_collector.cli.arguments import MARKET_HELP, krw_option, market_arguments, selection_options, split, the_venue
from metdc_collector.cli.showing import Terminal
from metdc_collector.exchanges.base import InvalidListing, Listing, Venue
from metdc_collector.exchanges.registry import venue as adapter
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from metdc_collector.universe import Chosen, Selection, UpbitKRW, krw_coins, select
from metdc_collector.wire.instrument import Instrument

EPILOG = f"""{MARKET_HELP}

\b
Try it:
  metdc symbols binance spot
  metdc symbols phemex futures --include BTC,ETH
  metdc symbols gate spot --upbit-krw exclude
  metdc symbols binance spot --quote USDC --format json | jq 'select(.subscribed).instrument'

\b
Each instrument of the exchange's list is one row (or one JSON line): the exchange's name, the symbol that METDC
publishes it under, whether it would be subscribed, and if not, why. The last line, on stderr, counts them.
Where --upbit-krw asks for it, Upbit's list is read too, from METDC_UPBIT_REST if that is set. A collector
that excludes such coins goes on with one that enters KRW for 24 h; who is in those is not known here.

\b
Exit codes:
  0  something would be subscribed     1  nothing would, or there is no list     2  bad usage
"""


class Row(NamedTuple):
    """One instrument and what becomes of it; ``reason`` is null where it would be subscribed."""

    name: str
    instrument: Instrument | None
    reason: str | None
    refused: bool = False


@click.command(epilog=EPILOG, short_help="Show what would be subscribed, and why not the rest.")
@market_arguments
@selection_options
@krw_option
@click.option("--rest", metavar="URL", help="Another REST base address: a gateway or a simulator.")
@click.option(
    "--instruments",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the instrument list from this file instead (the body of the exchange's reply).",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    help="[default: table on a terminal, json elsewhere]",
)
@click.pass_context
def symbols(
    ctx: click.Context,
    /,
    *,
    exchange: str,
    market: str,
    quotes: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    upbit_krw: UpbitKRW | None,
    rest: str | None,
    instruments: Path | None,
    form: str | None,
) -> None:
    """Show what `metdc collect EXCHANGE MARKET` would subscribe to, and why not the rest."""
    venue = the_venue(exchange, market)
    try:
        listing = venue.listing(instruments.read_bytes()) if instruments else asyncio.run(_fetch(venue, rest))
    except (RestError, InvalidListing, OSError) as error:
        raise click.ClickException(f"no instrument list of {exchange} {market}: {error}") from None
    asked = Selection(
        quotes=split(quotes) or venue.default_quotes,
        include=split(include),
        exclude=split(exclude),
        upbit_krw=upbit_krw or "Ignore",
    )
    krw = _krw() if asked.upbit_krw != "Ignore" else frozenset()
    rows = list(_rows(listing, select(listing, asked, ahead=venue.ahead, krw=krw)))
    if (form or ("table" if sys.stdout.isatty() else "json")) == "json":
        for row in rows:
            click.echo(json.dumps(_record(row), ensure_ascii=False))
    else:
        _print_table(rows)
    click.echo(_summary(rows), err=True)
    if all(row.reason for row in rows):
        remedy = "widen --quote or --include, or shorten --exclude"
        remedy += ", or leave --upbit-krw out" if upbit_krw else ""
        click.echo(f"nothing would be subscribed: {remedy}", err=True)
        ctx.exit(1)


async def _fetch(venue: Venue, address: str | None) -> Listing:
    rest = Rest(
        (address or venue.endpoints.rest).rstrip("/"),
        venue=venue,
        weight=Budget(venue.limits.rest_weight, monotonic=time.monotonic),
    )
    try:
        return await rest.listing(venue)
    finally:
        rest.close()


def _krw() -> frozenset[str]:
    """Return the coins that Upbit lists in KRW."""
    from metdc_collector.settings import InvalidSettings, upbit_address  # it imports all of a collector's NATS

    try:
        address = upbit_address(os.environ.get("METDC_UPBIT_REST"))
        return krw_coins(asyncio.run(_fetch(adapter("upbit", "spot"), address)))
    except InvalidSettings as error:
        raise click.UsageError(str(error)) from None
    except (RestError, InvalidListing) as error:
        raise click.ClickException(f"no list of Upbit's KRW market: {error}") from None


def _rows(listing: Listing, chosen: Chosen) -> Iterator[Row]:
    """Yield the rows: those not wanted first, then the refused, then the wanted, which so end up in sight."""
    for name, reason in chosen.left:
        yield Row(name, listing.instruments.get(name), reason)
    for name, reason in chosen.refused:
        yield Row(name, listing.instruments.get(name), reason, refused=True)
    for name, instrument in chosen.wanted.items():
        yield Row(name, instrument, None)


def _record(row: Row) -> dict[str, object]:
    found = row.instrument
    return {
        "instrument": row.name,
        "symbol": found.symbol if found else None,
        "subject": found.subject if found else None,
        "status": found.status if found else None,
        "subscribed": row.reason is None,
        "reason": row.reason,
    }


def _print_table(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("INSTRUMENT", "SYMBOL", "SUBSCRIBED", "WHY NOT"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        word, style = ("yes", "green") if row.reason is None else ("refused", "red") if row.refused else ("no", "dim")
        symbol = row.instrument.symbol if row.instrument else ""
        table.add_row(Text(row.name), Text(symbol), Text(word, style=style), Text(row.reason or ""))
    Terminal(highlight=False).print(table)


def _summary(rows: list[Row]) -> str:
    wanted = sum(row.reason is None for row in rows)
    refused = sum(row.refused for row in rows)
    reasons = Counter(row.reason for row in rows if row.reason and not row.refused)
    listed = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    return f"{wanted:,} to subscribe, {refused:,} refused, {len(rows) - wanted - refused:,} not wanted" + (
        f" ({listed})" if listed else ""
    )
