"""What ``metdc parse`` does: recorded or raw frames in, trades as JSON lines out, a count on stderr.

A line of the input is either a frame as the exchange sent it, or a line of a recording, of which those of kind ``recv``
are frames (in ``data``, as text) and the others are passed over::

    {"t":1633998523.957215,"kind":"recv","data":"…"}

``received`` of a trade is the recording's ``t``, exactly. Of a raw frame nobody knows when it was read, so there it is
when the venue sent it, or else the trade's own time.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from metdc_collector.exchanges.base import InvalidListing, Kind, Parsed, Venue
from metdc_collector.exchanges.checks import EARLIEST, LATEST
from metdc_collector.exchanges.decoding import Undecodable, decode_exactly
from metdc_collector.exchanges.registry import UnknownMarketError, venue
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade, encode

_RECORDED = ("http", "connect", "send", "recv")
_SHOWN = 20


def run(  # noqa: PLR0917 - the command's arguments, in the order in which a shell has them
    exchange: str, market: str, instruments: Path | None, source: TextIO | BinaryIO, out: TextIO, err: TextIO
) -> int:
    """Write the trades of ``source`` to ``out``; the last line of ``err`` is the count as one JSON object.

    Returns:
        0 when every frame could be read, 1 when one was malformed, 2 when nothing could be parsed: an unknown market,
        a file that is no instrument list, no frame at all.
    """
    try:
        adapter = venue(exchange, market)
        listed = _Guessed(adapter) if instruments is None else read_instruments(adapter, instruments)
    except (UnknownMarketError, InvalidListing) as error:
        err.write(f"metdc parse: {error}\n")
        return 2
    except OSError as error:
        err.write(f"metdc parse: {instruments} cannot be read: {error.strerror}\n")
        return 2
    count = Count()
    conversation = adapter.converse(listed, adapter.channels[0])
    for frame in frames(source):
        parsed = conversation.receive(frame.data, frame.received or 0)
        count.add(parsed)
        out.writelines(encode(_received(trade, frame)).decode() + "\n" for trade in parsed.trades)
        if parsed.kind is Kind.MALFORMED and count.kinds[Kind.MALFORMED] <= _SHOWN:
            err.write(f"metdc parse: line {frame.line}: {parsed.reason}\n")
    if not count.frames:
        err.write("metdc parse: the input holds no frame\n")
    err.write(count.text() + "\n")
    return 2 if not count.frames else 1 if count.kinds[Kind.MALFORMED] else 0


class Frame(NamedTuple):
    """A frame of the input: its line from 1, its bytes, and when it was read (ns) where a recording tells."""

    line: int
    data: bytes
    received: int | None


@dataclass(slots=True)
class Count:
    """How many frames of each kind, trades, and rows of instruments that are not in the list."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    trades: int = 0
    out_of_scope: Counter[str] = field(default_factory=Counter)

    @property
    def frames(self) -> int:
        """Frames of all kinds."""
        return self.kinds.total()

    def add(self, parsed: Parsed) -> None:
        """Count one frame."""
        self.kinds[parsed.kind] += 1
        self.trades += len(parsed.trades)
        self.out_of_scope.update(parsed.out_of_scope)

    def text(self) -> str:
        """Return the count as one line of JSON."""
        record: dict[str, Any] = {"frames": self.frames}
        record |= {kind.value: self.kinds[kind] for kind in Kind}
        record |= {"trades": self.trades, "out_of_scope": dict(sorted(self.out_of_scope.items()))}
        return json.dumps(record, ensure_ascii=False)


def frames(source: Iterable[str | bytes]) -> Iterator[Frame]:
    """Yield the frames of an input, raw or recorded; empty lines are none."""
    for number, line in enumerate(source, start=1):
        data = (line.encode(errors="surrogateescape") if isinstance(line, str) else line).strip()
        recorded = _recorded(data)
        if recorded is None:
            if data:
                yield Frame(number, data, None)
        elif recorded["kind"] == "recv":
            yield Frame(number, _data(recorded), _nanoseconds(recorded["t"]))


def read_instruments(adapter: Venue, path: Path) -> Mapping[str, Instrument]:
    """Read a file that is an instrument list, or a recording with one; whatever the quote and the status.

    Raises:
        OSError: when the file can't be read.
        InvalidListing: when it holds no list of this market.
    """
    with path.open("rb") as file:
        first = file.readline()
        if _recorded(first) is None:
            return adapter.listing(first + file.read()).instruments
        file.seek(0)
        recorded = (_recorded(line) for line in file)
        replies = (_data(line) for line in recorded if line is not None and line["kind"] == "http")
        return _listed(adapter, path, replies)


def _listed(adapter: Venue, path: Path, replies: Iterator[bytes]) -> Mapping[str, Instrument]:
    """Read the first reply that is an instrument list, with the pages that follow it."""
    reason = "none of its lines is of kind http"
    for reply in replies:
        try:
            listing = adapter.listing(reply)
        except InvalidListing as error:
            reason = str(error)
            continue
        pages = [reply]
        while adapter.next_page(pages[-1]) is not None and (page := next(replies, None)) is not None:
            pages.append(page)
        return (listing if len(pages) == 1 else adapter.listing(*pages)).instruments
    raise InvalidListing(f"the recording {path} holds no instrument list: {reason}")


class _Guessed(Mapping[str, Instrument]):
    """Instruments as far as their names tell, made when asked for."""

    def __init__(self, adapter: Venue) -> None:
        self._adapter = adapter
        self._known: dict[str, Instrument | None] = {}

    def __getitem__(self, name: str) -> Instrument:
        if name not in self._known:
            self._known[name] = self._adapter.guess(name)
        instrument = self._known[name]
        if instrument is None:
            raise KeyError(name)
        return instrument

    def __iter__(self) -> Iterator[str]:
        return (name for name, instrument in self._known.items() if instrument is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _recorded(line: bytes) -> dict[str, Any] | None:
    """Return a recording's line as an object, or null where the line is something else."""
    if b'"kind"' not in line:
        return None
    try:
        record = decode_exactly(line)
    except Undecodable:
        return None
    is_line = isinstance(record, dict) and "t" in record and record.get("kind") in _RECORDED
    return record if is_line else None


def _data(recorded: dict[str, Any]) -> bytes:
    """The frame's bytes; of a line without text, none, which no adapter can read."""
    data = recorded.get("data")
    return data.encode(errors="surrogatepass") if isinstance(data, str) else b""


def _nanoseconds(seconds: object) -> int | None:
    """Seconds as the recording writes them, in ns; null where they are no time between 2009 and 2100."""
    if isinstance(seconds, (int, Decimal)) and not isinstance(seconds, bool) and 0 < seconds < LATEST:
        time = int(Decimal(seconds).scaleb(9))
        return time if EARLIEST <= time < LATEST else None
    return None


def _received(trade: Trade, frame: Frame) -> Trade:
    return trade if frame.received is not None else trade._replace(received=trade.sent or trade.time)
