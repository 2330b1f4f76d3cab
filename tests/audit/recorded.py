"""The trades that a recording holds, taken from it by ``json`` and ``Decimal`` alone.

A recording is JSON lines ``{"t":…,"kind":"http"|"connect"|"send"|"recv","url":…,"data":"…"}``. Its URLs say which venue
it is of, its instrument list what is in scope: every listed spot instrument of whatever quote, and USDT-margined
perpetuals. What else trades in it is counted by name. A venue is one function
in :data:`tests.audit.venues.VENUES`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.audit.book import Book
from tests.audit.derive import Universe
from tests.audit.exact import loads
from tests.audit.judge import Verdict
from tests.audit.venues import DOMAINS, VENUES
from tests.audit.venues.rows import Line


class BadRecording(ValueError):
    """The file is no recording, or of no venue that is known here."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as the stream must hold it."""

    path: Path
    exchange: str
    book: Book
    quotes: Mapping[str, list[str]]
    """Per market with anything in scope: the quote coins of what is in scope."""
    out_of_scope: Mapping[str, int]
    malformed: int

    @property
    def expected(self) -> int:
        """How many messages the stream must hold."""
        return sum(trade.owed for trade in self.book)

    def compared(self, verdict: Verdict) -> dict[str, Any]:
        """Return the comparison of this file as a JSON object."""
        tallies = verdict.tallies.values()
        return {
            "file": self.path.name,
            "expected": self.expected,
            "stored": sum(tally.stored for tally in tallies),
            "wrong": sum(tally.wrong for tally in tallies),
            "missing": sum(tally.lost for tally in tallies),
            "extra": sum(tally.extra + tally.duplicated for tally in tallies),
            "out_of_scope": dict(sorted(self.out_of_scope.items())),
        }


def read(path: Path) -> Recording:
    """Read a recording.

    Raises:
        BadRecording: when it is none, or of an unknown venue.
        OSError: when it can't be read.
    """
    lines = list(_lines(path))
    exchanges = {exchange for line in lines if (exchange := exchange_of(line.url)) is not None}
    if len(exchanges) != 1:
        raise BadRecording(f"{path}: URLs of {', '.join(sorted(exchanges)) or 'no known venue'}; one is needed")
    (exchange,) = exchanges
    rows = VENUES[exchange](lines)
    universe = Universe()
    universe.add(rows.natives.values())
    book = Book(universe)
    out_of_scope = rows.out_of_scope
    for (market, name, _), raw in rows.trades.items():
        if book.add((exchange, market, name), raw) is None:
            out_of_scope[name] += 1  # its subject belongs to another instrument
    book.close()
    quotes: dict[str, set[str]] = {}
    for (_, market, name), instrument in universe.instruments.items():
        if not instrument.native.tradable:
            continue
        quotes.setdefault(market, set()).add(rows.natives[market, name].quote)
    return Recording(
        path=path,
        exchange=exchange,
        book=book,
        quotes={market: sorted(found) for market, found in sorted(quotes.items())},
        out_of_scope=out_of_scope,
        malformed=rows.malformed,
    )


def exchange_of(url: str) -> str | None:
    """Return the exchange that an address belongs to, None for an unknown one."""
    host = urlsplit(url).hostname or ""
    for exchange, domains in DOMAINS.items():
        if any(host == domain or host.endswith(f".{domain}") for domain in domains):
            return exchange
    return None


def _lines(path: Path) -> Iterator[Line]:
    current = ""
    with path.open("rb") as file:  # split at line feeds only, and a line that is no text is known by its number
        for count, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                kind, url, data = _parts(raw.decode())
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise BadRecording(f"{path}:{count}: no line of a recording: {_reason(raw, error)}") from error
            if kind == "connect":
                current = url
            yield Line(kind, url or current, data)


def _parts(text: str) -> tuple[str, str, str]:
    """Return kind, URL and data of one line.

    Raises:
        ValueError, TypeError, KeyError, RecursionError: when it is none.
    """
    record = loads(text)
    if not isinstance(record, dict):
        raise TypeError(f"it is no JSON object but {type(record).__name__}")
    parts = record["kind"], record.get("url") or "", record.get("data") or ""
    if not all(isinstance(part, str) for part in parts):
        raise TypeError("kind, url and data must be texts")
    urlsplit(parts[1])  # a damaged address is an error of its line
    return parts


def _reason(raw: bytes, error: Exception) -> str:
    if raw.startswith(b"\x1f\x8b"):
        return "it is compressed (gzip); unpack the file first"
    return "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"{type(error).__name__}: {error}"
