"""The spool of one process: its own folder and those of dead ones that it has adopted, within one bound."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from metdc_collector.spool.folder import Folder, Left, Segment, by_age
from metdc_collector.spool.losses import Losses
from metdc_collector.spool.record import MAGIC, Contents, Edges, Record, Trades, contents, pack, unpack, without
from metdc_collector.wire.trade import Trade

log = logging.getLogger(__name__)
T = TypeVar("T")
_SEGMENT = 4 * 1024 * 1024
_SEGMENTS = 8  # at least so many segments within the bound: what is given up is a segment at a time
_SYNC = 1.0
# What may wait in memory for a disk that is slow; beyond it sockets wait.
_BUFFER = 8 * 1024 * 1024


@dataclass(slots=True)
class _Batch:
    """Records that wait to be written, or what is to be said once those before them are."""

    parts: list[bytes] = field(default_factory=list)
    apart: bool = False
    """Whether a segment begins with it."""
    proof: bytes = b""
    summary: Contents = field(default_factory=Contents)


@dataclass(frozen=True, slots=True)
class _Lost:
    """What was given up: its run (see :meth:`Losses.lost`) and, by instrument, its edges."""

    run: int
    edges: Mapping[str, Edges]


class Spool:
    """Keeps trades on disk, oldest given up first beyond the bound; whatever the disk does, nothing is raised.

    The disk is touched by one thread, in the order of the calls. Times are ns since the epoch.
    """

    def __init__(self, folder: Path, *, process: str, most: int, losses: Losses) -> None:
        """``folder`` is that of the market and shard, ``process`` names one in it, ``most`` bounds all in bytes."""
        self._root = folder
        self._process = process
        self._most = most
        self._segment = min(_SEGMENT, max(most // _SEGMENTS, 1))
        self._losses = losses
        self._own: Folder | None = None
        self._folders: list[Folder] = []
        self._waiting: list[_Batch] = []
        self._writing: _Batch | None = None
        self._writer: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._said: set[str] = set()
        self._cut = False
        self._run = 0
        self.given_up = 0
        """Trades that were lost, and told."""
        self.left: list[Left] = []
        """What dead processes had left in the folders that were adopted, as it was found."""
        self._trades = Trades()

    # -- what it holds

    @property
    def trades(self) -> int:
        """How many trades it holds, those that wait to be written included."""
        return sum(folder.count for folder in self._folders) + sum(batch.summary.count for batch in self._batches)

    @property
    def size(self) -> int:
        """What they take, in bytes."""
        return sum(folder.size for folder in self._folders) + self._buffered

    @property
    def room(self) -> int:
        """How many bytes fit before the oldest are given up."""
        return self._most - self._size() - self._buffered

    @property
    def oldest(self) -> int | None:
        """When the oldest was received; null when there is none."""
        times = [segment.oldest for folder in self._folders for segment in folder.segments]
        times += [folder.active.oldest for folder in self._folders if folder.active.count]
        times += [batch.summary.oldest for batch in self._batches if batch.summary.count]
        return min(times, default=None)

    @property
    def usable(self) -> bool:
        """Whether there is a folder to write to."""
        return self._own is not None

    @property
    def behind(self) -> bool:
        """Whether the disk is too slow, so that sockets should wait."""
        return self._own is None or self._buffered >= _BUFFER

    @property
    def delivers_others(self) -> bool:
        """Whether something of the adopted folders is still to be delivered."""
        return any(folder is not self._own for folder in self._folders)

    def owns(self, segment: Segment) -> bool:
        """Whether this process has written it."""
        return self._own is not None and segment.path.parent == self._own.path

    @property
    def _batches(self) -> list[_Batch]:
        return self._waiting if self._writing is None else [self._writing, *self._waiting]

    @property
    def _buffered(self) -> int:
        return sum(batch.summary.size for batch in self._batches)

    # -- beginning and end

    async def open(self) -> None:
        """Make a folder of one's own, and adopt those of dead processes; where that fails, nothing is spooled."""
        try:
            await self._do(self._begin)
        except OSError as error:
            self._say(f"spool: {self._root} cannot be used: {error}; sockets wait once memory is full")
            return
        await self.adopt()

    def _begin(self) -> None:
        own = Folder.create(self._root / self._process)
        self._folders, self._own = [own], own

    async def adopt(self) -> None:
        """Adopt the folders whose processes have ended by now."""
        if self._own is None:
            return
        before = self.trades
        try:
            found = await self._do(self._adopt)
        except OSError as error:
            self._say(f"spool: {self._root}: {error}")
            return
        self.left += found
        if any(left.edges for left in found):
            log.info("spool: %d trades of processes that ended", self.trades - before)
            for lost in await self._do(self._make_room, 0):
                self._tell(lost)

    def _adopt(self) -> list[Left]:
        found: list[Left] = []
        ours = {folder.path for folder in self._folders}
        for path in sorted(self._root.iterdir()):
            if path in ours or (adopted := Folder.adopt(path)) is None:
                continue
            folder, left = adopted
            found.append(left)
            if left.torn is not None:
                log.warning("spool: the end of %s is damaged: what follows its last good trade is dropped", path)
            if folder.segments:
                self._folders = [*self._folders, folder]
            else:
                folder.close()
        return found

    async def close(self) -> None:
        """Write what waits, and leave the rest to the next process."""
        await self.settle()
        await self._do(self._leave)
        self._disk.shutdown()

    def _leave(self) -> None:
        for folder in self._folders:
            folder.close()
        self._folders, self._own = [], None

    # -- writing

    def put(self, trades: Sequence[Trade], known: int) -> None:
        """Keep trades, which the stream was without at ``known``; they are written soon."""
        for trade in trades:
            last = self._waiting[-1] if self._waiting else None
            if self._cut or last is None or last.proof or last.summary.size >= self._segment:
                self._waiting.append(_Batch(apart=self._cut))
                self._cut = False
            batch = self._waiting[-1]
            record = pack(trade, known)
            batch.parts.append(record)
            batch.summary.add(trade, known, len(record))
        self._wake()

    def prove(self, proof: bytes) -> None:
        """Say of which time the folder holds everything, once all that was put before would survive a death."""
        self._waiting.append(_Batch(proof=proof))
        self._wake()

    def _wake(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    def cut(self) -> None:
        """Let what is put next begin a segment: segments are delivered by the age of their first trades."""
        self._cut = True

    async def settle(self) -> None:
        """Wait until everything is written and would survive the machine's death."""
        while self._writer is not None and not self._writer.done():
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        """Write what waits, a batch at a time; what has come within the second after is synced with it."""
        loop = asyncio.get_running_loop()
        due = loop.time() + _SYNC
        while self._waiting:
            while self._waiting:
                self._writing = self._waiting.pop(0)
                for lost in await self._do(self._keep, self._writing):
                    self._tell(lost)
                self._writing = None
                if loop.time() >= due:
                    break
            await self._do(self._sync)
            due = loop.time() + _SYNC

    def _keep(self, batch: _Batch) -> list[_Lost]:
        """Write a batch; return what had to be given up for it, or the batch itself."""
        own, data = self._own, b"".join(batch.parts)
        if own is None:
            return [_Lost(self._run, batch.summary.edges)]
        if batch.proof and self._size() + len(batch.proof) <= self._most:  # it is worth no trade
            self._say_of(own, batch.proof)
        if not batch.parts:
            return []
        if own.active.count and (batch.apart or own.active.size + len(data) > self._segment):
            self._finish(own)
        room = len(data) + batch.summary.index
        lost = self._make_room(room)
        while self._size() + room <= self._most:
            try:
                own.append(data, batch.summary)
            except OSError as error:
                self._say(f"spool: {self._root}: {error}; the oldest trades are given up for the newest")
                more = self._drop()
                if more is None:
                    break
                lost.append(more)
            else:
                return lost
        return [*lost, _Lost(self._run, batch.summary.edges)]

    def _say_of(self, own: Folder, proof: bytes) -> None:
        try:
            own.prove(proof)
        except OSError as error:
            self._say(f"spool: {own.path}: {error}")

    def _make_room(self, room: int) -> list[_Lost]:
        """Give up the oldest segments until so many bytes fit; return what they held."""
        lost: list[_Lost] = []
        while self._size() + room > self._most:
            more = self._drop()
            if more is None:
                break
            lost.append(more)
        return lost

    def _size(self) -> int:
        """What the folders take at most, as they are: indices that are to come included."""
        return sum(folder.bound for folder in self._folders)

    def _drop(self) -> _Lost | None:
        """Give up the oldest segment that is not being delivered; null where there is none."""
        own = self._own
        free = [segment for segment in by_age(self._folders) if not segment.taken]
        if not free and own is not None and own.active.count:
            self._finish(own)
            free = [segment for segment in own.segments if not segment.taken]
        if not free:
            return None
        self._say(f"spool: the oldest trades are given up, within {self._most} bytes")
        lost = _Lost(self._run, free[0].contents().edges)
        free[0].belie()
        for batch in self._batches:
            batch.proof = b""
        self._remove(free[0])
        free[0].gone = True
        return lost

    def _finish(self, folder: Folder) -> None:
        try:
            folder.finish()
        except OSError as error:
            self._say(f"spool: {folder.path}: {error}")

    def _sync(self) -> None:
        try:
            if self._own is not None:
                self._own.sync()
        except OSError as error:
            self._say(f"spool: {self._own and self._own.path}: {error}")

    def _say(self, problem: str) -> None:
        """Log each state of the disk once, until trades are delivered again."""
        if problem not in self._said:
            self._said.add(problem)
            log.error("%s", problem)

    def _tell(self, lost: _Lost) -> None:
        for name, edges in lost.edges.items():
            self.given_up += edges.count
            self._losses.lost(name, edges.first, edges.last, edges.count, lost.run)

    # -- delivering

    async def segments(self) -> list[Segment]:
        """Return all that is there to be delivered, the oldest first."""

        def finished() -> list[Segment]:
            if self._own is not None:
                self._finish(self._own)
            return by_age(self._folders)

        await self.settle()
        return await self._do(finished)

    async def ids(self, segment: Segment) -> list[str]:
        """Return the message ids of a segment."""
        return await self._do(self._ids, segment)

    @staticmethod
    def _ids(segment: Segment) -> list[str]:
        return [record.message_id for record, _ in unpack(segment.read(), len(MAGIC))]

    async def records(self, segment: Segment) -> Iterator[Record]:
        """Return a segment's records; what turns out to be damaged is told.

        From then on it is not given up any more; one that was meanwhile has none.
        """
        return self._read(segment, await self._do(self._take, segment))

    def _take(self, segment: Segment) -> bytes | None:
        if segment.gone:
            return None
        segment.taken = True
        self._run += 1  # what is given up from now on lies behind it, or before it
        return segment.read()

    def _read(self, segment: Segment, data: bytes | None) -> Iterator[Record]:
        count = 0
        if data is None:
            return
        for record, _ in unpack(data, len(MAGIC)):
            count += 1
            yield record
        if count < segment.count:
            log.error("spool: %s is damaged: %d trades of it are lost", segment.path, segment.count - count)
            segment.belie()
            self._tell(_Lost(self._run, without(segment.contents().edges, contents(data).edges)))

    def trade(self, record: Record) -> Trade:
        """Return the trade of a record."""
        return self._trades.read(record)

    async def remove(self, segment: Segment) -> None:
        """Delete a segment whose trades the stream holds; a folder that has become empty goes with it."""
        await self._do(self._remove, segment)
        self._said.clear()

    def _remove(self, segment: Segment) -> None:
        for folder in self._folders:
            if segment in folder.segments:
                folder.remove(segment)
                if folder is not self._own and not folder.segments:
                    folder.close()
                    self._folders = [each for each in self._folders if each is not folder]
                return

    def give_up(self, trades: Sequence[Trade]) -> None:
        """Tell of trades that can't be delivered: whether the stream has held them, nobody can know any more."""
        summary = Contents()
        for trade in trades:
            summary.add(trade, 0, 0)
        self._tell(_Lost(self._run, summary.edges))

    async def _do(self, work: Callable[..., T], *arguments: object) -> T:
        """Do something with the disk in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *arguments)
