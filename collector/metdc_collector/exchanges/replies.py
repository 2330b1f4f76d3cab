"""What the venues' ``history.py`` share: from the bytes of a reply to a page of trades, and on to the next. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from metdc_collector.exchanges.base import InvalidReply, Request
from metdc_collector.exchanges.checks import Damaged, shown
from metdc_collector.exchanges.decoding import Undecodable, decode_exactly
from metdc_collector.exchanges.history import Page
from metdc_collector.wire.trade import Trade


def decoded(body: bytes) -> Any:
    """Return the JSON value of a reply, every fraction as ``Decimal``.

    Raises:
        InvalidReply: when it isn't JSON.
    """
    try:
        return decode_exactly(body)
    except Undecodable:
        beginning = body[:60].decode(errors="replace")
        words = f"it begins with {beginning!a}" if body else "it is empty"
        raise InvalidReply(f"the reply is not JSON: {words}") from None


def refused(message: object, code: object) -> InvalidReply:
    """Return the error for a venue's own refusal, in its words."""
    return InvalidReply(f"the venue refused: {shown(message)} (code {shown(code)})")


def array(value: object) -> list[Any]:
    """Return the rows of a reply.

    Raises:
        InvalidReply: when they are no array.
    """
    if isinstance(value, list):
        return value
    raise InvalidReply(f"the reply holds no array of trades: {shown(value)}")


def page(rows: Sequence[Any], read: Callable[[Any], Trade], most: int) -> Page:
    """Read rows, in their order, that came over REST; a reply has ``most`` at most, and ``read`` raises ``Damaged``.

    REST doesn't say when a row was sent on the socket, so that :attr:`Trade.sent` is null.
    """
    trades: list[Trade] = []
    for row in rows:
        try:
            trades.append(read(row)._replace(sent=None, backfilled=True))
        except Damaged:
            continue
    return Page(trades, damaged=len(rows) - len(trades), full=len(rows) >= most)


def renamed(row: object, names: Mapping[str, str]) -> dict[str, Any]:
    """Return those members of a row that have a name on the socket (REST's name → the socket's), by that name.

    Raises:
        Damaged: when the row is no object.
    """
    if not isinstance(row, dict):
        raise Damaged(f"a row is no object: {shown(row)}")
    return {name: row[rest] for rest, name in names.items() if rest in row}


def number(text: object) -> int | None:
    """Return an id or ordering number that is written in digits; null where it is none, as of a UUID."""
    return int(text) if isinstance(text, str) and text.isdecimal() and text.isascii() and len(text) < 20 else None


def asked(request: Request, parameter: str) -> int | None:
    """Return the whole number that a request asked for by this parameter; null where it has none."""
    values = parse_qs(urlsplit(request.path).query).get(parameter, [])
    return number(values[0]) if values else None


def decode_reply(body: bytes) -> Any:
    """Return the JSON value of a reply, numbers with a fraction as ``Decimal``.

    Raises:
        InvalidReply: when it is no JSON.
    """
    try:
        return decode_exactly(body)
    except Undecodable:
        raise InvalidReply(f"the reply is not JSON: it begins with {start(body)}") from None


def start(body: bytes) -> str:
    """Return the first of a body's bytes as a log line can hold them."""
    return ascii(body[:60].decode(errors="replace"))


def read_each(rows: Sequence[Any], read: Callable[[dict[str, Any]], Trade]) -> tuple[list[Trade], int]:
    """Return the trades of the rows that ``read`` takes, marked as back-filled, and how many it finds damaged."""
    trades: list[Trade] = []
    for row in rows:
        try:
            if type(row) is not dict:
                raise Damaged(f"a row is no object: {shown(row)}")
            trades.append(read(row)._replace(backfilled=True))
        except Damaged:
            continue
    return trades, len(rows) - len(trades)
