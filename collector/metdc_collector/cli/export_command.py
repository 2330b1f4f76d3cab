"""``metdc export``: the stored trades of a span of the exchanges' time, as JSON lines or Parquet."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from metdc_collector.cli.arguments import credentials_option, moment, nats_option, trades_pattern
from metdc_collector.stored import parquet
from metdc_collector.stored.connecting import Connection
from metdc_collector.stored.exporting import Choice, Sorter, replacing, write_lines
from metdc_collector.stored.reading import SECOND, JetStream, ReadError, Reading, Start
from metdc_collector.wire.trade import Trade

MARGIN = 300 * SECOND
"""How long before its exchange's time a trade may have been stored: clocks of exchanges and servers differ."""
_EVERY = 5

EPILOG = """\b
Try it:
  metdc export --from 1h --to 0s --output hour.jsonl
  metdc export --from 2026-11-23T10:00:00Z --to 2026-11-23T11:00:00Z \\
               --subject 'trades.*.*.BTC.USDT' --format parquet --output btc.parquet

\b
What counts is the exchange's time of a trade: FROM <= time < TO. Reading begins with
what was stored 5 minutes before FROM, since clocks differ, and ends with what is stored
now, so trades that came late or were back-filled are in. Rows are ordered by time,
exchange, market, instrument, seq (as a number) and place in the stream.
JSON lines are the payloads as stored. Parquet has decimals with 18 digits after
the point and 20 before it (a value that does not fit ends the export, nothing is rounded)
and times as timestamps in ns. A FILE appears only when it is whole, and replaces another.

\b
Exit codes:
  0  written     1  NATS or its streams cannot be read, or FILE not be written     2  bad usage
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What to write and where; times in ns since the epoch, ``now`` that of the command's start."""

    pattern: str
    begin: int
    end: int
    now: int
    form: Literal["jsonl", "parquet"]
    output: Path | None


@click.command(epilog=EPILOG, short_help="Write the stored trades of a span of time to a file, in order.")
@click.option("--from", "begin", metavar="TIME", required=True, help="So long ago (1h), or 2026-11-23T10:00:00Z.")
@click.option("--to", "end", metavar="TIME", required=True, help="Likewise, and later; itself not included.")
@click.option(
    "--subject", default="trades.>", show_default=True, metavar="PATTERN", help="A NATS subject; * and > are wildcards."
)
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option(
    "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="[default for jsonl: stdout]"
)
@nats_option
@credentials_option
def export(
    *,
    begin: str,
    end: str,
    subject: str,
    form: Literal["jsonl", "parquet"],
    output: Path | None,
    nats_urls: tuple[str, ...],
    credentials: Path | None,
) -> None:
    """Write the stored trades whose exchange's time lies in a span."""
    now = time.time_ns()
    order = Order(trades_pattern(subject), moment(begin, now=now), moment(end, now=now), now, form, output)
    _check(order)
    try:
        _write(order, nats_urls, credentials)
    except BrokenPipeError:
        raise
    except (ReadError, parquet.DoesNotFit, OSError) as error:
        raise click.ClickException(str(error)) from None


def _check(order: Order) -> None:
    if order.begin >= order.end:
        raise click.UsageError("--from must be before --to; durations count back from now: --from 2h --to 1h")
    if order.output is not None and order.output.exists() and not order.output.is_file():
        raise click.UsageError(f"{order.output} is no file that could be replaced; without --output lines go to stdout")
    if order.form == "parquet":
        if order.output is None:
            raise click.UsageError("--format parquet needs --output FILE")
        if not parquet.available():  # asked for now, rather than after an hour of reading
            raise click.UsageError(
                "--format parquet needs pyarrow, which this installation lacks: pip install 'metdc[parquet]'"
            )


def _write(order: Order, urls: tuple[str, ...], credentials: Path | None) -> None:
    """Read, sort, write."""
    beside = order.output.resolve().parent if order.output else None  # where there is room for the file itself
    choice = Choice(order.begin, order.end, parquet.check if order.form == "parquet" else _any_trade)
    file = replacing(order.output) if order.output else nullcontext(sys.stdout.buffer)
    progress = Progress()
    with file as out, closing(Sorter(beside)) as sorter:
        asyncio.run(_read(order, urls, credentials, choice=choice, sorter=sorter, progress=progress))
        payloads = progress.counted(sorter.payloads(), sorter.count)
        if order.form == "parquet":
            parquet.write(payloads, out)
        else:
            write_lines(payloads, out)
        out.flush()
    if choice.first_refused is not None:
        _say(f"left out {choice.refused:,} messages that are no trades; the first is {choice.first_refused}")
    if order.end > order.now:
        _say("--to is in the future: what is stored from now on is not in")
    _say(f"wrote {sorter.count:,} trades to {order.output or 'stdout'}, of {choice.read:,} messages read")


async def _read(
    order: Order,
    urls: tuple[str, ...],
    credentials: Path | None,
    *,
    choice: Choice,
    sorter: Sorter,
    progress: "Progress",
) -> None:
    start = max(0, order.begin - MARGIN)
    reading = Reading(order.pattern, Start(time=start), follow=False, say=_say, idle=_nothing)
    connection = Connection(reading, urls, credentials, name="metdc export")
    await connection.open()
    try:
        await _tell_what_is_gone(connection.jetstream, order)
        async with aclosing(connection.reader.messages()) as messages:
            async for stored in messages:
                row = choice.row(stored)
                if row is not None and sorter.add(row):
                    await asyncio.to_thread(sorter.spill)  # a slow disk costs no connection
                if progress.due():
                    done = max(0, stored.time - start) * 100 // max(1, order.now - start)
                    _say(f"read {choice.read:,} messages ({min(done, 100)} %), {sorter.count:,} of them to write")
    finally:
        await connection.close()


async def _tell_what_is_gone(jetstream: JetStream, order: Order) -> None:
    for stream in await jetstream.streams(order.pattern):
        begins = await jetstream.begins(stream)
        if begins is not None and moment(begins, now=order.now) > order.begin:
            _say(f"{stream} no longer holds what was stored before {begins}: --from is earlier")


class Progress:
    """Says when it is time for a line of progress, every 5 seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY

    def due(self) -> bool:
        """Whether a line is to be said now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _EVERY
        return True

    def counted(self, payloads: Iterator[bytes], count: int) -> Iterator[bytes]:
        """Pass the payloads on, saying how many of ``count`` have passed."""
        for done, payload in enumerate(payloads, start=1):
            yield payload
            if self.due():
                _say(f"wrote {done:,} of {count:,} trades")


def _any_trade(entry: Trade) -> None:
    """A line holds whatever a trade holds."""


def _nothing() -> None:
    """Nothing is shown while reading."""


def _say(text: str) -> None:
    click.echo(f"metdc export: {text}", err=True)
