"""``metdc listings --recent``: what was told of listings, and what nobody could make sense of."""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Iterable
from contextlib import aclosing, suppress
from dataclasses import asdict
from pathlib import Path

import click

from metdc_collector.cli.arguments import clock, moment
from metdc_collector.listings.memory import BUCKET, KEY, Memory, Unread, decode
from metdc_collector.stored.connecting import Connection
from metdc_collector.stored.reading import SECOND, ReadError, Reading, Start
from metdc_collector.wire import listing as listings
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.listing import Listing

_ROW = "{:<19}  {:>9}  {:<13}  {:<10}  {:<19}  {}"
_HEADINGS = ("ANNOUNCED (UTC)", "SEEN", "BY", "LISTED", "TRADING (UTC)", "TITLE")
_DOUBT = "{:<19}  {:<8}  {}: {}"


def show(since: str, urls: tuple[str, ...], credentials: Path | None, *, as_json: bool) -> None:
    """Print the events since a time, and what was not understood.

    Raises:
        click.ClickException: when NATS or its streams cannot be read.
    """
    start = max(0, moment(since, now=time.time_ns()))
    try:
        events, memory = asyncio.run(_read(start, urls, credentials))
    except ReadError as error:
        raise click.ClickException(str(error)) from None
    unread = [one for one in memory.unread if one.at >= start]
    lines = as_records(events, unread) if as_json else table(events, unread)
    for line in lines:
        click.echo(line)
    ever = f" ({memory.not_understood} ever)" if memory.not_understood else ""
    click.echo(
        f"metdc listings: {len(events)} told, {len(unread)} not understood{ever}, since {clock(start)} UTC", err=True
    )


def as_records(events: Iterable[Listing], unread: Iterable[Unread]) -> list[str]:
    """Return the events as they are stored, then what was not understood, each as a JSON object."""
    doubts = [json.dumps({"not_understood": asdict(one)}, ensure_ascii=False) for one in unread]
    return [*(listings.encode(event).decode() for event in events), *doubts]


def table(events: Iterable[Listing], unread: Iterable[Unread]) -> list[str]:
    """Return the rows for a person's eyes, headings first."""
    rows = [_ROW.format(*_HEADINGS)]
    for event in events:
        late = "-" if event.announced is None else f"+{(event.first_seen - event.announced) / SECOND:.1f} s"
        announced = clock(event.moment)
        start = "-" if event.trade_start is None else clock(event.trade_start)
        cells = (announced, late, event.source, f"{event.base}-{event.quote}", start, event.title or "-")
        rows.append(_ROW.format(*cells))
    doubts = [_DOUBT.format(clock(one.at), one.notice or "-", one.reason, one.title) for one in unread]
    return [*rows, *(["", "NOT UNDERSTOOD: read these"] if doubts else []), *doubts]


async def _read(start: int, urls: tuple[str, ...], credentials: Path | None) -> tuple[list[Listing], Memory]:
    reading = Reading("listings.>", Start(time=start), follow=False, say=_say, idle=sys.stdout.flush)
    connection = Connection(reading, urls, credentials, name="metdc listings --recent")
    await connection.open()
    found: list[Listing] = []
    try:
        async with aclosing(connection.reader.messages()) as messages:
            async for stored in messages:
                with suppress(InvalidMessage):  # another publisher's
                    found.append(listings.decode(stored.data))
        return found, await _memory(connection)
    finally:
        await connection.close()


async def _memory(connection: Connection) -> Memory:
    """Return what the watcher remembers; an empty memory where none has run."""
    try:
        last = {"last_by_subj": f"$KV.{BUCKET}.{KEY}"}
        answer = await connection.jetstream.request(f"STREAM.MSG.GET.KV_{BUCKET}", last)
        return decode(base64.b64decode(answer["message"]["data"]))
    except ReadError as error:
        if not error.gone:
            raise
    except InvalidMessage as error:
        _say(str(error))
    return Memory()


def _say(text: str) -> None:
    click.echo(f"metdc listings: {text}", err=True)
