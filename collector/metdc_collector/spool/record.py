r"""The form of a spooled trade, and what a segment's records amount to. Pure.

A segment is the bytes ``METDCSP1`` and records, each::

    <length: 4 bytes> <CRC-32 of the content: 4 bytes> <content>

with the content::

    <kind: 1 byte> <known: 8 bytes> <length of the message id: 2 bytes> <message id> <payload as on the wire>

Integers are little-endian. The id stands apart, so that a spool is compared with a stream without reading its JSON.
The kind is 1, a trade; what else a later version may spool ends the reading of this one, as damage does.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import crc32

import orjson

from metdc_collector.exchanges.history import Mark
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade, encode, revive

MAGIC = b"METDCSP1"
_FRAME = struct.Struct("<II")
_HEAD = struct.Struct("<BqH")
_TRADE = 1
_MOST = 1 << 20  # bytes of one record; a length beyond it is damage


class Record(NamedTuple):
    """One spooled trade.

    Attributes:
        message_id: its ``Nats-Msg-Id``.
        known: the stream was, or could have been, without it at that time, ns since the epoch.
        payload: the message as on the wire.
    """

    message_id: str
    known: int
    payload: bytes


def pack(trade: Trade, known: int) -> bytes:
    """Return the record of a trade."""
    name = trade.message_id.encode()
    content = b"".join((_HEAD.pack(_TRADE, known, len(name)), name, encode(trade)))
    return _FRAME.pack(len(content), crc32(content)) + content


def unpack(data: bytes | memoryview, start: int = 0) -> Iterator[tuple[Record, int]]:
    """Yield the records from an offset on, each with the offset behind it, up to the first that is not whole."""
    view = memoryview(data)
    end = len(view)
    while start + _FRAME.size <= end:
        length, checksum = _FRAME.unpack_from(view, start)
        first, last = start + _FRAME.size, start + _FRAME.size + length
        if not _HEAD.size <= length <= _MOST or last > end or crc32(view[first:last]) != checksum:
            return
        kind, known, size = _HEAD.unpack_from(view, first)
        if kind != _TRADE:
            return
        name = first + _HEAD.size
        yield Record(str(view[name : name + size], "utf-8"), known, bytes(view[name + size : last])), last
        start = last


class Trades:
    """Reads payloads; instruments that were met are kept for the next."""

    def __init__(self) -> None:
        self._instruments: dict[tuple[object, ...], Instrument] = {}

    def read(self, record: Record) -> Trade:
        """Return a record's trade."""
        return revive(record.payload, self._instruments)


@dataclass(slots=True)
class Edges:
    """Of one instrument's trades in a segment: how many, the earliest and the latest by the venue's time."""

    first: Mark
    last: Mark
    count: int = 1


@dataclass(slots=True)
class Contents:
    """What a segment holds.

    Attributes:
        count: its trades.
        size: bytes of the segment's good part.
        since: the earliest ``known`` of its records: nothing of it was stored before (ns).
        oldest, newest: when the first and the last of its trades were received (ns).
        edges: by instrument name.
    """

    count: int = 0
    size: int = len(MAGIC)
    since: int = 0
    oldest: int = 0
    newest: int = 0
    edges: dict[str, Edges] = field(default_factory=dict)

    @property
    def index(self) -> int:
        """What its index takes at most, in bytes: ids and names are short."""
        return 128 + 256 * len(self.edges)

    def add(self, trade: Trade, known: int, size: int) -> None:
        """Count a trade whose record has so many bytes."""
        self.since = min(self.since, known) if self.count else known
        self.oldest = self.oldest or trade.received
        self.newest = trade.received
        self.count += 1
        self.size += size
        name = trade.instrument.name
        if (edges := self.edges.get(name)) is None:
            mark = Mark(trade.id, trade.time, trade.seq)
            self.edges[name] = Edges(mark, mark)
            return
        edges.count += 1
        if trade.time >= edges.last.time:
            edges.last = Mark(trade.id, trade.time, trade.seq)
        elif trade.time < edges.first.time:
            edges.first = Mark(trade.id, trade.time, trade.seq)

    def extend(self, batch: "Contents") -> None:
        """Count the trades of a batch that was appended; its own size holds :data:`MAGIC` once."""
        self.since = min(self.since, batch.since) if self.count else batch.since
        self.oldest = self.oldest or batch.oldest
        self.newest = batch.newest
        self.count += batch.count
        self.size += batch.size - len(MAGIC)
        merge(self.edges, batch.edges)


def contents(data: bytes) -> Contents:
    """Read a segment's good part: its records up to the first that is not whole; one without :data:`MAGIC` has none."""
    found, trades, start = Contents(), Trades(), len(MAGIC)
    if not data.startswith(MAGIC):
        return found
    for record, end in unpack(data, start):
        try:
            trade = trades.read(record)
        except (KeyError, ValueError, TypeError):
            break  # whole, but of a version that this code does not know
        found.add(trade, record.known, end - start)
        start = end
    return found


def write_index(summary: Contents) -> bytes:
    """Return the text that is kept beside a finished segment, so that it need not be read to know what it holds."""
    edges = {name: [*edge.first, *edge.last, edge.count] for name, edge in summary.edges.items()}
    body = orjson.dumps([summary.count, summary.size, summary.since, summary.oldest, summary.newest, edges])
    return b"%08x %s" % (crc32(body), body)


def read_index(data: bytes) -> Contents | None:
    """Read such a text; null when it is not whole."""
    checksum, _, body = data.partition(b" ")
    if checksum != b"%08x" % crc32(body):
        return None
    count, size, since, oldest, newest, edges = orjson.loads(body)
    marks = {name: Edges(Mark(*row[:3]), Mark(*row[3:6]), row[6]) for name, row in edges.items()}
    return Contents(count, size, since, oldest, newest, marks)


def merge(into: dict[str, Edges], more: Mapping[str, Edges]) -> None:
    """Count the edges of later trades in."""
    for name, edges in more.items():
        known = into.get(name)
        if known is None:
            into[name] = Edges(edges.first, edges.last, edges.count)
            continue
        known.count += edges.count
        known.first = min(known.first, edges.first, key=lambda mark: mark.time)
        known.last = max(edges.last, known.last, key=lambda mark: mark.time)


def without(whole: Mapping[str, Edges], good: Mapping[str, Edges]) -> dict[str, Edges]:
    """Return the edges of what a segment should hold behind its good part: by instrument, from the last good trade."""
    lost: dict[str, Edges] = {}
    for name, edges in whole.items():
        known = good.get(name)
        if known is None:
            lost[name] = edges
        elif edges.count > known.count:
            lost[name] = Edges(known.last, edges.last, edges.count - known.count)
    return lost
