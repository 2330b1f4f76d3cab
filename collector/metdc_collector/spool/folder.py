"""The folder of one process on disk: segments that are appended to, finished, read and removed. Blocking.

``<root>/<namespace>.<collector>.<market>.<shard>/<pod>-<start>/`` holds ``lock``, which its process keeps locked while
it lives, and ``00000001.trades``, ``00000002.trades``, …; a finished segment has ``00000001.index`` beside it.
``proof`` says of which time the folder holds everything.
"""

import contextlib
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from metdc_collector.exchanges.history import Mark
from metdc_collector.spool.record import MAGIC, Contents, Edges, contents, merge, read_index, write_index

_LOCK = "lock"
_PROOF = "proof"


@dataclass(slots=True, eq=False)
class Segment:
    """A finished segment.

    Attributes:
        path: of its trades.
        count: of its trades.
        size: what it takes on disk, with its index.
        since: nothing of it was stored before that time (ns since the epoch).
        oldest: when its first trade was received (ns).
        taken: it is being delivered.
        gone: it was given up for newer trades.
    """

    path: Path
    count: int
    size: int
    since: int
    oldest: int
    taken: bool = False
    gone: bool = False

    def contents(self) -> Contents:
        """Return what it holds, from its index, or by reading it where that is missing or damaged."""
        return _indexed(self.path) or contents(_bytes(self.path))

    def read(self) -> bytes:
        """Return the whole file; empty where it can't be read any more."""
        return _bytes(self.path)

    def belie(self) -> None:
        """Something of it is lost: what was said of its folder is true no longer."""
        with contextlib.suppress(OSError):
            (self.path.parent / _PROOF).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete it."""
        for path in (self.path, _index(self.path)):
            with contextlib.suppress(OSError):
                path.unlink()


@dataclass(slots=True)
class Left:
    """What a process that died has left in its folder.

    Attributes:
        edges: of its trades, by instrument (native name).
        proof: what it has said of the time that the folder holds everything of; empty where it has said nothing.
        torn: when the last trade before the first damage was received (ns), 0 where there is none; null where nothing
            is damaged.
    """

    edges: dict[str, Edges]
    proof: bytes
    torn: int | None

    @property
    def newest(self) -> dict[str, Mark]:
        """The latest trade of each instrument."""
        return {name: edges.last for name, edges in self.edges.items()}


class Folder:
    """One process's folder, locked."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.segments: tuple[Segment, ...] = ()  # replaced, never changed: another thread may read it
        self.active = Contents()
        self._lock = lock
        self._file: int | None = None
        self._number = 0
        self._dirty = False
        self._proof = 0

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a folder that nobody has yet.

        Raises:
            OSError: when that can't be had.
        """
        path.mkdir(parents=True)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return cls(path, lock)

    @classmethod
    def adopt(cls, path: Path) -> tuple[Self, Left] | None:
        """Take over the folder of a process that has died; null where it lives, or another was quicker.

        Of a folder that was not closed the segment that was being written ends with its last good record.
        """
        try:
            lock = os.open(path / _LOCK, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not (path / _LOCK).exists():
                raise OSError  # delivered and removed while it was waited for
        except OSError:
            os.close(lock)
            return None
        folder = cls(path, lock)
        return folder, folder._take_over()

    def _take_over(self) -> Left:
        left, newest = Left({}, _bytes(self.path / _PROOF), None), 0
        self._proof = len(left.proof)
        for path in sorted(self.path.glob("*.trades")):
            summary = _indexed(path)
            if summary is None or path.stat().st_size < summary.size:
                summary = contents(_bytes(path))
                if path.stat().st_size != summary.size and left.torn is None:
                    left.torn = summary.newest or newest
                    with contextlib.suppress(OSError):  # who adopts it after this process sees a whole tail
                        (self.path / _PROOF).unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # what follows is of no use to anybody
                    os.truncate(path, summary.size)
                    _index(path).write_bytes(write_index(summary))
            if summary.count:
                self.segments = (*self.segments, _segment(path, summary))
                newest = summary.newest
                merge(left.edges, summary.edges)
            else:
                path.unlink()
        return left

    @property
    def size(self) -> int:
        """Bytes on disk, indices of finished segments included."""
        finished = sum(segment.size for segment in self.segments)
        return finished + (self.active.size if self.active.count else 0) + self._proof

    @property
    def bound(self) -> int:
        """What it may take without another trade: the segment that is being written gets its index."""
        started = 0 if self.active.count else self.active.size
        return self.size + started + self.active.index

    @property
    def count(self) -> int:
        """Trades in it."""
        return sum(segment.count for segment in self.segments) + self.active.count

    def append(self, data: bytes, batch: Contents) -> None:
        """Append records, of which ``batch`` is the summary, to the segment that is being written: all or none.

        Raises:
            OSError: when the disk is full, or broken.
        """
        file = self._open()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, self.active.size)
                os.lseek(file, self.active.size, os.SEEK_SET)
            raise
        self._dirty = True
        self.active.extend(batch)

    def _open(self) -> int:
        if self._file is None:
            self._number += 1
            path = self._path()
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                os.write(file, MAGIC)
            except OSError:
                os.close(file)
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
            self._file = file
        return self._file

    def _path(self) -> Path:
        return self.path / f"{self._number:08d}.trades"

    def sync(self) -> None:
        """Have what was written survive the machine's death.

        Raises:
            OSError: when the disk is broken.
        """
        if self._dirty and self._file is not None:
            self._dirty = False
            os.fsync(self._file)

    def prove(self, proof: bytes) -> None:
        """Say of which time the folder holds everything, in place of what was said before; what it holds is synced.

        Raises:
            OSError: when the disk is full, or broken; what was said before stays.
        """
        self.sync()
        new = self.path / f"{_PROOF}.new"
        with new.open("wb") as file:
            file.write(proof)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / _PROOF)
        self._proof = len(proof)

    def finish(self) -> None:
        """Finish the segment that is being written, if there is any.

        Raises:
            OSError: when the disk is broken; it is finished all the same.
        """
        if self._file is None:
            return
        file, summary, path = self._file, self.active, self._path()
        self._file, self._dirty = None, False
        try:
            if summary.count:
                os.fsync(file)
                _write_whole(_index(path), write_index(summary))
        finally:
            os.close(file)
            if summary.count:
                self.segments = (*self.segments, _segment(path, summary))
            else:
                path.unlink()
            self.active = Contents()  # last: who counts meanwhile counts too much, and never nothing

    def remove(self, segment: Segment) -> None:
        """Delete a finished segment."""
        segment.remove()
        self.segments = tuple(each for each in self.segments if each is not segment)

    def close(self) -> None:
        """Leave the folder to the next process; an empty one is removed."""
        with contextlib.suppress(OSError):
            self.finish()
        if not self.segments:
            with contextlib.suppress(OSError):
                for name in (_PROOF, f"{_PROOF}.new"):
                    (self.path / name).unlink(missing_ok=True)
                (self.path / _LOCK).unlink()
                self.path.rmdir()
        os.close(self._lock)


def _index(path: Path) -> Path:
    return path.with_suffix(".index")


def _indexed(path: Path) -> Contents | None:
    return read_index(_bytes(_index(path)))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _write_whole(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()  # the segment is read instead
        raise


def _segment(path: Path, summary: Contents) -> Segment:
    index = _index(path)
    size = summary.size + (index.stat().st_size if index.exists() else 0)
    return Segment(path, summary.count, size, summary.since, summary.oldest)


def by_age(folders: Sequence[Folder]) -> list[Segment]:
    """Return the finished segments of several folders, the oldest first."""
    return sorted((segment for folder in folders for segment in folder.segments), key=lambda segment: segment.oldest)
