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
        raise InvalidReply(f"the reply is not JSON: {_beginning(body)}") from None


def decoded_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a reply is, every fraction as ``Decimal``.

    Raises:
        InvalidReply: when it isn't one.
    """
    value = decoded(body)
    if isinstance(value, dict):
        return value
    raise InvalidReply(f"the reply is no JSON object: {shown(value)}; {_beginning(body)}")


def refused(message: object, code: object) -> InvalidReply:
    """Return the error for a venue's own refusal, in its words."""
    return InvalidReply(f"the venue refused: {shown(message)} (code {shown(code)})")


def array(value: object, body: bytes) -> list[Any]:
    """Return the rows that were found in a reply.

    Raises:
        InvalidReply: when they are no array; what the reply says instead is shown.
    """
    if isinstance(value, list):
        return value
    raise InvalidReply(f"the reply holds no array of trades: {shown(value)}; {_beginning(body)}")


def page(
    rows: Sequence[Any],
    read: Callable[[dict[str, Any]], Trade],
    most: int,
    order: Callable[[Trade], Any] | None = None,
) -> Page:
    """Read rows that came over REST, and put the trades in this order; null leaves them in that of the rows.

    A reply has ``most`` rows at most. Rows that are no objects are damaged, and those of which ``read`` raises
    ``Damaged``. REST doesn't say when a row was sent on the socket, so that :attr:`Trade.sent` is null.
    """
    trades: list[Trade] = []
    for row in rows:
        try:
            if type(row) is not dict:
                raise Damaged(f"a row is no object: {shown(row)}")
            trades.append(read(row)._replace(sent=None, backfilled=True))
        except Damaged:
            continue
    damaged = len(rows) - len(trades)
    if order is not None:
        trades.sort(key=order)
    return Page(trades, damaged, full=len(rows) >= most)


def renamed(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return those members of a row that have a name on the socket (REST's name → the socket's), by that name."""
    return {name: row[rest] for rest, name in names.items() if rest in row}


def number(text: object) -> int | None:
    """Return an id or ordering number that is written in digits; null where it is none, as of a UUID.

    A number has one text: one with a zero in front is none.
    """
    if not (isinstance(text, str) and text.isdecimal() and text.isascii() and len(text) < 20):
        return None
    return int(text) if text == "0" or text[0] != "0" else None


def asked(request: Request, parameter: str) -> int | None:
    """Return the whole number that a request asked for by this parameter; null where it has none."""
    values = parse_qs(urlsplit(request.path).query).get(parameter, [])
    return number(values[0]) if values else None


def _beginning(body: bytes) -> str:
    """The first of a body as a log line can hold it."""
    return f"it begins with {shown(body[:60].decode(errors='replace'))}" if body else "it is empty"
