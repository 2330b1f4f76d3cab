"""``metdc gaps``: what could not be streamed, and what became of it."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import aclosing, suppress
from pathlib import Path

import click

from metdc_collector.cli.arguments import clock, credentials_option, moment, nats_option
from metdc_collector.stored.connecting import Connection
from metdc_collector.stored.reading import SECOND, ReadError, Reading, Start
from metdc_collector.wire import gap as gaps
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.gap import Gap

EPILOG = """\b
Try it:
  metdc gaps                           the last day's
  metdc gaps --open                    those that are not settled yet
  metdc gaps --since 7d --exchange okx --json

\b
Of each gap its newest record counts. States:
  open         it is being looked for over REST
  filled       all of it was found, and stored
  empty        nothing was traded, or nothing that the exchange shows to the public
  partial      a part was found: FROM and LASTS are of what is missing
  unfillable   the exchange no longer has it
MISSING is - where the exchange's ids do not count.

\b
Exit codes:
  0  shown     1  NATS or its streams cannot be read     2  bad usage
"""
_ROW = "{:<19}  {:>10}  {:<8}  {:<7}  {:<14}  {:<10}  {:<12}  {:>9}  {:>9}"
_HEADINGS = ("FROM (UTC)", "LASTS", "EXCHANGE", "MARKET", "SYMBOL", "STATE", "CAUSE", "MISSING", "FILLED")


@click.command("gaps", epilog=EPILOG, short_help="Show what could not be streamed, and what became of it.")
@click.option("--open", "only_open", is_flag=True, help="Only gaps that are not settled yet.")
@click.option("--since", metavar="TIME", default="24h", show_default=True, help="Told since so long ago, or a time.")
@click.option("--exchange", metavar="NAME", default="*", help="Only of this exchange.")
@click.option("--json", "as_json", is_flag=True, help="The records, one a line.")
@nats_option
@credentials_option
def gaps_command(
    *, only_open: bool, since: str, exchange: str, as_json: bool, nats_urls: tuple[str, ...], credentials: Path | None
) -> None:
    """Show what could not be streamed, and what became of it."""
    if exchange != "*" and not exchange.isalnum():
        raise click.UsageError(f"--exchange: {exchange!r} is no exchange such as binance")
    start = max(0, moment(since, now=time.time_ns()))
    try:
        records = asyncio.run(_read(f"gaps.{exchange}.>", start, nats_urls, credentials))
    except ReadError as error:
        raise click.ClickException(str(error)) from None
    shown = [gap for gap in gaps.newest(records) if gap.state == "open" or not only_open]
    for line in (gaps.encode(gap).decode() for gap in shown) if as_json else table(shown):
        click.echo(line)
    states = Counter(gap.state for gap in shown)
    said = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    click.echo(f"metdc gaps: {said}, since {clock(start)} UTC", err=True)


async def _read(pattern: str, start: int, urls: tuple[str, ...], credentials: Path | None) -> list[Gap]:
    reading = Reading(pattern, Start(time=start), follow=False, say=_say, idle=sys.stdout.flush)
    connection = Connection(reading, urls, credentials, name="metdc gaps")
    await connection.open()
    found: list[Gap] = []
    try:
        async with aclosing(connection.reader.messages()) as messages:
            async for stored in messages:
                with suppress(InvalidMessage):  # another publisher's
                    found.append(gaps.decode(stored.data))
    finally:
        await connection.close()
    return found


def table(shown: Iterable[Gap]) -> list[str]:
    """Return the rows for a person's eyes, headings first."""
    rows = [_ROW.format(*_HEADINGS)]
    for gap in shown:
        lasts = f"{(gap.end - gap.start) / SECOND:.3f} s"
        symbol = f"{gap.base}-{gap.quote}"
        counts = ("-" if count is None else f"{count:,}" for count in (gap.missing, gap.filled))
        cells = (clock(gap.start), lasts, gap.exchange, gap.market, symbol, gap.state, gap.cause, *counts)
        rows.append(_ROW.format(*cells).rstrip())
    return rows


def _say(text: str) -> None:
    click.echo(f"metdc gaps: {text}", err=True)
