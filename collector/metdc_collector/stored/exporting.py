"""Stored trades of a span of the exchanges' time, in a fixed order, in bounded memory.

The order is by ``time``, exchange, market, instrument, ``seq`` (as a number), and at last by place in the stream, so
the same trades always make the same file, also where a late one was stored hours after its neighbours.
"""

import heapq
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import orjson

from metdc_collector.stored.reading import Stored
from metdc_collector.wire import records, trade
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.instrument import VERSION
from metdc_collector.wire.trade import Trade

CHUNK = 50_000
"""Rows that are sorted in memory, some 40 MB; all beyond wait in a temporary file."""
_BUFFER = 32 * 1024

Key = tuple[int, str, str, str, int, str, int]
Row = tuple[Key, bytes]


class Choice:
    """Takes the trades whose exchange ``time`` lies in [begin, end), ns since the epoch.

    Args:
        check: is shown each trade that is taken; what it raises ends the export.

    Attributes:
        read: messages looked at.
        refused: how many of them are no trade.
        first_refused: where the first of these is and what is wrong with it, null while there is none.
    """

    def __init__(self, begin: int, end: int, check: Callable[[Trade], None]) -> None:
        self._begin, self._end, self._check = begin, end, check
        self.read = 0
        self.refused = 0
        self.first_refused: str | None = None

    def row(self, stored: Stored) -> Row | None:
        """Return the row of a message, null when it is outside the span or no trade."""
        self.read += 1
        try:
            # Most of what is read may be outside: its time alone costs a tenth of the whole check.
            time = records.load(stored.data, VERSION).get("time")
            if type(time) is int and not self._begin <= time < self._end:
                return None
            entry = trade.decode(stored.data)
        except InvalidMessage as error:
            self.refused += 1
            self.first_refused = self.first_refused or f"{stored.subject}, number {stored.sequence}: {error}"
            return None
        self._check(entry)
        return _key(entry, stored.sequence), stored.data.replace(b"\n", b" ")  # between members, if anywhere


def _key(entry: Trade, sequence: int) -> Key:
    instrument, seq = entry.instrument, entry.seq or ""
    # Digits compare as numbers once the shorter goes first, and an ordering number may exceed 64 bits.
    return (entry.time, instrument.exchange, instrument.market, instrument.name, len(seq), seq, sequence)


class Sorter:
    """Sorts any number of rows, holding ``chunk`` of them in memory.

    Args:
        folder: where the temporary file goes that takes the rest; it has no name, and so leaves nothing behind.
    """

    def __init__(self, folder: Path | None, *, chunk: int = CHUNK) -> None:
        self._chunk = chunk
        self._rows: list[Row] = []
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 # closed by close()
        self._ends = [0]
        self.count = 0

    def add(self, row: Row) -> bool:
        """Take one row; return whether as many as memory may hold are there, so that :meth:`spill` is due."""
        self._rows.append(row)
        self.count += 1
        return len(self._rows) >= self._chunk

    def spill(self) -> None:
        """Move the rows in memory to the temporary file, sorted."""
        self._rows.sort()
        self._file.writelines(orjson.dumps(key) + b"\n" + payload + b"\n" for key, payload in self._rows)
        self._rows.clear()
        self._ends.append(self._file.tell())

    def payloads(self) -> Iterator[bytes]:
        """Yield the payloads in order, once all rows are in."""
        self._file.flush()
        runs = [_rows(self._file.fileno(), *edges) for edges in zip(self._ends, self._ends[1:], strict=False)]
        for _, payload in heapq.merge(*runs, sorted(self._rows)):
            yield payload

    def close(self) -> None:
        """Give the temporary file back."""
        self._file.close()


class _Part(io.RawIOBase):
    """A part of a file, read without moving the file's own place, so that many can be read side by side."""

    def __init__(self, descriptor: int, begin: int, end: int) -> None:
        self._descriptor, self._at, self._end = descriptor, begin, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader hands over
        data = os.pread(self._descriptor, min(len(buffer), self._end - self._at), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _rows(descriptor: int, begin: int, end: int) -> Iterator[Row]:
    part = io.BufferedReader(_Part(descriptor, begin, end), _BUFFER)
    while key := part.readline():
        yield tuple(orjson.loads(key)), part.readline()[:-1]


def write_lines(payloads: Iterator[bytes], out: BinaryIO) -> None:
    """Write payloads as stored, one a line."""
    out.writelines(payload + b"\n" for payload in payloads)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of ``path`` when the block ends well, and else leaves nothing.

    Raises:
        OSError: when it cannot be written there.
    """
    target = path.resolve()
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
