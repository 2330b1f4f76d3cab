"""``metdc parse``: an exchange's frames, raw or recorded, as the trades that METDC would publish."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from metdc_collector.cli.arguments import MARKET_HELP, market_arguments, the_venue
from metdc_collector.cli.parse import run

EPILOG = f"""{MARKET_HELP}

\b
Try it:
  metdc parse binance spot frames.jsonl
  metdc parse phemex futures --instruments products.json recording.jsonl > trades.jsonl
  websocat wss://stream.binance.com:9443/ws/btcusdt@trade | metdc parse binance spot

\b
FILE (or stdin) has one frame a line: as the exchange sent it, or a line of a recording,
{{"t":SECONDS,"kind":"recv","data":"FRAME"}}. Trades are JSON lines in METDC's own form: times in ns
since 1970, decimals as text. Without --instruments, coins and factors are guessed from names, and
contracts stay `contracts` with a null quantity.

\b
The last line, on stderr, counts the frames:
  {{"frames":N,"trade":N,"control":N,"other":N,"malformed":N,"trades":N,"out_of_scope":{{…}}}}

\b
Exit codes:
  0  every frame was understood     1  some were malformed     2  bad usage, or no frame at all
"""


@click.command(epilog=EPILOG, short_help="Turn an exchange's recorded frames into trades.")
@market_arguments
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--instruments",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The exchange's instrument list: the body of its reply, or a recording that holds it.",
)
@click.pass_context
def parse(ctx: click.Context, /, *, exchange: str, market: str, file: BinaryIO, instruments: Path | None) -> None:
    """Turn the frames in FILE (default: stdin), as EXCHANGE MARKET sends them, into trades as JSON lines."""
    the_venue(exchange, market)
    ctx.exit(run(exchange, market, instruments, file, sys.stdout, sys.stderr))
