"""What the tests of past trades over REST share: spans, a walk through pages, and ways to damage a reply."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from metdc_collector.exchanges.base import InvalidReply
from metdc_collector.exchanges.history import Mark, Page, Source, Span
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade
from tests.unit.exchanges.examples import RECEIVED

MS, HOUR, DAY = 1_000_000, 3_600_000_000_000, 86_400_000_000_000
START = 1_790_000_000_000_000_000
"""A time in ns at which the tests' trades happen."""
Asked = Mapping[str, str]
"""The parameters of a request."""
WRONG = (
    "null",
    "true",
    "NaN",
    "Infinity",
    "-1",
    "1.5",
    "1e400",
    "9" * 400,
    '""',
    '"NaN"',
    '"-1"',
    '"1e400"',
    "[]",
    "{}",
)
"""JSON values that no field of a trade may have, but for those that a test leaves out."""


def span(
    instrument: Instrument, before: Mark | None = None, after: Mark | None = None, *, start: int = 0, end: int = START
) -> Span:
    return Span(instrument, before, after, start, end)


def mark(number: int, time: int = START, *, prefix: str = "", seq: bool = True) -> Mark:
    return Mark(f"{prefix}{number}", time, str(number) if seq else None)


def parameters(path: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(path).query, strict_parsing=True))


def first(source: Source, asked: Span) -> dict[str, str]:
    request = source.request(asked)
    assert request is not None
    return parameters(request.path)


def walk(source: Source, asked: Span, answer: Callable[[Asked], object], *, most: int = 100) -> list[list[Trade]]:
    """Ask for page after page; return the trades of each. A walk of more than ``most`` pages fails."""
    pages: list[list[Trade]] = []
    request = source.request(asked)
    while request is not None:
        assert len(pages) < most, f"no end: {request.path}"
        page = source.read(json.dumps(answer(parameters(request.path))).encode(), asked.instrument, RECEIVED)
        pages.append(list(page.trades))
        request = source.further(asked, request, page)
    return pages


def ids(pages: list[list[Trade]]) -> list[str]:
    return [trade.id for page in pages for trade in page]


def refusal(source: Source, instrument: Instrument, body: bytes) -> str:
    with pytest.raises(InvalidReply) as refused:
        source.read(body, instrument, RECEIVED)
    return str(refused.value)


def spoilt(row: Mapping[str, Any], field: str) -> Iterator[str]:
    """A row's JSON texts without a field, and with each wrong value of it."""
    yield json.dumps({name: value for name, value in row.items() if name != field})
    for wrong in WRONG:
        yield json.dumps({**row, field: "\0"}).replace('"\\u0000"', wrong)


def read_beside(source: Source, instrument: Instrument, envelope: Callable[[str], str], row: str, sound: str) -> Page:
    """Read a row between two that are sound."""
    return source.read(envelope(f"[{sound},{row},{sound}]").encode(), instrument, RECEIVED)
