"""``metdc captures``: what was captured, as a list, as files, or on the terminal."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from metdc_collector.captures.drawing import percent
from metdc_collector.captures.folder import ANALYSIS
from metdc_collector.captures.report import clock, listed
from metdc_collector.captures.store import BUCKET, NoSuchCapture, Store, StoreFailed
from metdc_collector.cli.arguments import credentials_option, nats_option
from metdc_collector.stored.connecting import Connection
from metdc_collector.stored.exporting import replacing
from metdc_collector.stored.reading import ReadError, Reading, Start
from metdc_collector.wire.durations import SECOND

EPILOG = f"""\b
Try it:
  metdc captures list
  metdc captures show SOMI                     the newest of this coin
  metdc captures get SOMI-20261127T020000Z --output captures

\b
They are kept in the object store {BUCKET} for 90 days, 1 GiB in all.

\b
Exit codes:
  0  done     1  NATS cannot be read, there is no such capture, or a file not be written     2  bad usage
"""
T = TypeVar("T")
_HEADINGS = ("MARKET", "RANK", "RECEIVED", "FIRST MOVE", "RETURN", "PEAK", "PEAK AT", "TRADES", "BUYERS", "VERDICT")


@click.group(epilog=EPILOG, short_help="List, fetch and show what was captured.")
def captures() -> None:
    """List, fetch and show what `metdc capture` has kept."""


@captures.command("list")
@click.option("--json", "as_json", is_flag=True, help="The metadata, one a line.")
@nats_option
@credentials_option
def list_command(*, as_json: bool, nats_urls: tuple[str, ...], credentials: Path | None) -> None:
    """List the captures, the latest announcement last."""
    found = sorted(_with_store(lambda store: store.captures(), nats_urls, credentials), key=lambda one: one["at"])
    if as_json:
        for one in found:
            click.echo(json.dumps(one, ensure_ascii=False))
        return
    rows = [("NAME", "STATE", "TRADES", "INSTRUMENTS", "SIZE", "SUMMARY")]
    for one in found:
        trades, size = (sum(each[name] for each in one[of]) for of, name in (("markets", "trades"), ("files", "size")))
        cells = (one["name"], one["state"], f"{trades:,}", str(len(one["markets"])), f"{size / 2**20:.1f} MiB")
        rows.append((*cells, one["summary"]))
    for line in aligned(rows, left=(0, 1, 5)):
        click.echo(line)


@captures.command("get")
@click.argument("name")
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where its folder is made.  [default: here]",
)
@nats_option
@credentials_option
def get_command(*, name: str, output: Path, nats_urls: tuple[str, ...], credentials: Path | None) -> None:
    """Write the files of capture NAME (or the newest of a coin) into a folder of its name."""

    async def work(store: Store) -> tuple[str, dict[str, bytes]]:
        found = await _named(store, name)
        return found["name"], await store.files(found["name"])

    folder, files = _with_store(work, nats_urls, credentials)
    try:
        for file, data in files.items():
            target = inside(output, Path(folder, file))
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as out:
                out.write(data)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    click.echo(output / folder)


def inside(output: Path, name: Path) -> Path:
    """Return where a file of that name goes; whoever may write to the bucket names them.

    Raises:
        click.ClickException: when that would not be inside ``output``.
    """
    if name.is_absolute() or ".." in name.parts:
        raise click.ClickException(f"the capture names a file {name}, which is not written")
    return output / name


@captures.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The analysis as it is kept.")
@nats_option
@credentials_option
def show_command(*, name: str, as_json: bool, nats_urls: tuple[str, ...], credentials: Path | None) -> None:
    """Show what capture NAME (or the newest of a coin) found."""

    async def work(store: Store) -> tuple[dict[str, Any], bytes]:
        found = await _named(store, name)
        return found, await store.read(found["name"], ANALYSIS)

    metadata, data = _with_store(work, nats_urls, credentials)
    if as_json:
        click.echo(data, nl=False)
        return
    click.echo(f"{metadata['name']}: {metadata['state']}, announced {clock(metadata['at'])} UTC")
    click.echo(metadata["summary"])
    click.echo(listed(metadata.get("listing"), metadata["at"]))
    for line in aligned(table(orjson.loads(data)), left=(0, 9)):
        click.echo(line)
    for line in lacking(metadata):
        click.echo(line)


# -- reading


def _with_store(work: Callable[[Store], Awaitable[T]], urls: tuple[str, ...], credentials: Path | None) -> T:
    async def run() -> T:
        reading = Reading("", Start(), follow=False, say=lambda _: None, idle=lambda: None)
        connection = Connection(reading, urls, credentials, name="metdc captures")
        await connection.open()
        try:
            return await work(Store(connection.library))
        finally:
            await connection.close()

    try:
        return asyncio.run(run())
    except (ReadError, StoreFailed, NoSuchCapture) as error:
        raise click.ClickException(str(error)) from None


async def _named(store: Store, name: str) -> dict[str, Any]:
    """Return the metadata of a capture by its name, or of the newest of a coin.

    Raises:
        NoSuchCapture: naming those there are.
    """
    found = await store.captures()
    fitting = [one for one in found if name in (one["name"], one["base"])]
    if not fitting:
        there = ", ".join(one["name"] for one in found) or "none"
        raise NoSuchCapture(f"there is no capture {name}; there are: {there}")
    return max(fitting, key=lambda one: int(one["at"]))


# -- showing


def aligned(rows: Sequence[Sequence[str]], *, left: Collection[int]) -> list[str]:
    """Return rows as lines, each column as wide as its widest cell; those of ``left`` begin at the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def table(analysis: Mapping[str, Any]) -> list[Sequence[str]]:
    """Return the table of an analysis, headings first: the markets by their first move, then those without one."""
    places = {one["market"]: place for place, one in enumerate(analysis["by_time"])}
    ordered = sorted(analysis["markets"], key=lambda one: places.get(one["market"], len(places)))
    return [_HEADINGS, *(_cells(one, analysis) for one in ordered)]


def _cells(one: Mapping[str, Any], analysis: Mapping[str, Any]) -> Sequence[str]:
    first, peak, after = one["first_move"], one["peak"], one["after"]
    return (
        one["market"],
        _rank(analysis["by_time"], one["market"]),
        _rank(analysis["by_received"], one["market"]),
        _delay(first),
        _share(first, "return"),
        _share(peak, "return"),
        _delay(peak),
        f"{one['before']['trades']:,} / {after['trades']:,}",
        _share(after, "buy_share").lstrip("+"),
        one["verdict"],
    )


def _rank(ranking: Sequence[Mapping[str, Any]], market: str) -> str:
    ranks = [one["rank"] for one in ranking if one["market"] == market]
    return "-" if not ranks else "-".join(str(each) for each in sorted(set(ranks[0])))


def _delay(move: Mapping[str, Any] | None) -> str:
    return "-" if move is None else f"{Decimal(move['delay']) / SECOND:+.3f} s"


def _share(of: Mapping[str, Any] | None, name: str) -> str:
    return "-" if of is None or of[name] is None else percent(Decimal(of[name]), 2)


def lacking(metadata: Mapping[str, Any]) -> list[str]:
    """Return what a capture's metadata says is missing, a line each."""
    lines: list[str] = []
    for market in metadata["markets"]:
        for lack in market["lacks"]:
            span = ", ".join(f"{Decimal(lack[edge] - metadata['at']) / SECOND:+.3f} s" for edge in ("from", "to"))
            lines.append(f"{market['exchange']}.{market['market']}.{market['symbol']} [{span}]: {lack['text']}")
    return lines + [f"{one['exchange']}.{one['market']}: {one['text']}" for one in metadata["missing"]]
