"""The trades between acceptance and acknowledgement: a queue, and a bounded window in flight. Pure bookkeeping."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from metdc_collector.continuity import Newest, Split, is_overtaken, unstored
from metdc_collector.wire.trade import Trade, as_text

# The in-flight window; past 8 k trades neither rate nor latency gains (measured).
WINDOW = 8192
# Trades are counted by the bytes of their messages; the objects around them take about as much again.
MOST_BYTES = 64 * 1024 * 1024
_NEARLY_EMPTY = 16
# So much of the bound, 1 MiB, a live trade may find before it: some 50 ms.
_ROOMY = 64
# Of a header block, beside the message id.
_HEADER_BYTES = len("NATS/1.0\r\nNats-Msg-Id: \r\n\r\n")


@dataclass(slots=True, eq=False)
class Entry:
    """One accepted trade.

    Attributes:
        number: its own; the reply subject ends in it.
        trade: what is published.
        message: the bytes to write.
        known: the stream was, or could have been, without this trade at that time (monotonic ns): when it was received,
            or when the stream was last searched for it. The server's duplicate window reaches back from its arrival.
        written: when it was last written (monotonic ns), 0 before.
        failed: the server refused it; it is written again.
    """

    number: int
    trade: Trade
    message: bytes
    known: int
    written: int = 0
    failed: bool = False


def message(trade: Trade, number: int, inbox: str) -> bytes:
    """Return the bytes that publish a trade: ``HPUB <subject> <inbox>.<number> <header bytes> <all bytes>``, …"""
    identity, payload = trade.message_id, as_text(trade)
    header, length = _HEADER_BYTES + len(identity), len(payload)
    if not payload.isascii():
        header, length = _HEADER_BYTES + len(identity.encode()), len(payload.encode())
    return (
        f"HPUB {trade.instrument.subject} {inbox}.{number} {header} {header + length}\r\n"
        f"NATS/1.0\r\nNats-Msg-Id: {identity}\r\n\r\n{payload}\r\n"
    ).encode()


@dataclass(slots=True)
class Window:
    """Entries in the order in which they were accepted: first those in flight, then those that wait.

    Order within a subject survives every fault: after one, all that is not acknowledged goes back to the queue's front
    in its old order, and an entry that a later one of its subject has overtaken meanwhile is marked ``late``.
    """

    inbox: str
    queue: deque[Entry] = field(default_factory=deque)
    in_flight: dict[int, Entry] = field(default_factory=dict)
    bytes: int = 0
    _number: int = 0
    _newest: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queue) + len(self.in_flight)

    def waits_for(self, number: int) -> bool:
        """Whether an entry of this number or a lower one is not acknowledged yet."""
        oldest = self.oldest
        return oldest is not None and oldest.number <= number

    @property
    def full(self) -> bool:
        """Whether memory has no room for more."""
        return self.bytes >= MOST_BYTES

    @property
    def low(self) -> bool:
        """Whether it is nearly empty."""
        return self.bytes < MOST_BYTES // _NEARLY_EMPTY

    @property
    def roomy(self) -> bool:
        """Whether more may enter without delaying what comes live."""
        return self.bytes < MOST_BYTES // _ROOMY

    @property
    def oldest(self) -> Entry | None:
        """The entry that waits longest for its acknowledgement."""
        for entry in self.in_flight.values():
            return entry
        return self.queue[0] if self.queue else None

    @property
    def entries(self) -> list[Entry]:
        """All of them, in their order."""
        return [*self.in_flight.values(), *self.queue]

    @property
    def last(self) -> int:
        """The number of the entry that was accepted last; 0 before the first."""
        return self._number

    def add(self, trades: Iterable[Trade], known: int) -> None:
        """Accept trades."""
        queue, inbox, number, size = self.queue, self.inbox, self._number, 0
        try:
            for trade in trades:
                number += 1
                text = message(trade, number, inbox)
                size += len(text)
                queue.append(Entry(number, trade, text, known))
        finally:  # a number is given out once, whatever a trade does
            self._number = number
            self.bytes += size

    def give_away(self) -> list[Entry]:
        """Part with the entries that wait; return them in their order."""
        entries = list(self.queue)
        self.queue.clear()
        self.bytes -= _size(entries)
        return entries

    def take(self, now: int, fresh_since: int) -> list[Entry]:
        """Move entries into flight, as many as the window takes, up to one that must be looked up first."""
        taken: list[Entry] = []
        room = WINDOW - len(self.in_flight)
        queue, in_flight = self.queue, self.in_flight
        while room > 0 and queue and queue[0].known >= fresh_since:
            entry = queue.popleft()
            entry.written = now
            in_flight[entry.number] = entry
            taken.append(entry)
            room -= 1
        return taken

    def acknowledge(self, numbers: Iterable[int]) -> list[Entry]:
        """The server holds the trades with these numbers; return the entries, without those that it was known of."""
        in_flight = self.in_flight
        entries = [entry for number in numbers if (entry := in_flight.pop(number, None)) is not None]
        self.bytes -= _size(entries)
        oldest = next(iter(in_flight), None)
        if oldest is not None:
            self._overtaking(entry for entry in entries if entry.number > oldest)
        return entries

    def _overtaking(self, entries: Iterable[Entry]) -> None:
        """Keep in mind which subjects have a trade in the stream before an older one that is in flight."""
        for entry in entries:
            subject = entry.trade.instrument.subject
            self._newest[subject] = max(entry.number, self._newest.get(subject, 0))

    def fail(self, number: int) -> None:
        """The server has refused the trade with that number."""
        entry = self.in_flight.get(number)
        if entry is not None:
            entry.failed = True

    def settled(self, before: int) -> bool:
        """Whether nothing in flight can still be answered: all has failed or was written before that time."""
        return all(entry.failed or entry.written < before for entry in self.in_flight.values())

    def rewind(self) -> int:
        """Put what is in flight back to the front of the queue; return how many entries that were."""
        entries = list(self.in_flight.values())  # in the order in which they were accepted
        self.in_flight.clear()
        for entry in entries:
            entry.failed = False
            if self._newest.get(entry.trade.instrument.subject, 0) > entry.number and not entry.trade.late:
                self._replace(entry, entry.trade._replace(late=True))
        self.queue.extendleft(reversed(entries))
        return len(entries)

    @property
    def subjects(self) -> list[str]:
        """Of all entries, each once."""
        return list({e.trade.instrument.subject: None for e in self.entries})

    def mark_late(self, newest: Mapping[str, Newest]) -> None:
        """Mark what waits and comes after a newer trade: ``newest`` is what the stream holds, by subject.

        The answers to what was in flight may be lost: what is marked may be stored already, and nothing comes of it.
        """
        for entry in self.queue:
            stored = newest.get(entry.trade.instrument.subject)
            if stored is not None and not entry.trade.late and is_overtaken(entry.trade, stored):
                self._replace(entry, entry.trade._replace(late=True))

    def stale(self, fresh_since: int) -> list[Entry]:
        """The entries at the queue's front that must be looked up before they are written."""
        found: list[Entry] = []
        for entry in self.queue:
            if entry.known >= fresh_since or len(found) >= WINDOW:
                break
            found.append(entry)
        return found

    def looked_up(self, entries: Sequence[Entry], stored: Mapping[str, Mapping[str, int]], at: int) -> int:
        """Drop those of the entries that the stream holds, and note the look's time; return how many were dropped.

        ``stored`` maps subjects to what they hold: message ids, each with its trade's time. What comes after a newer
        trade that is stored already is marked ``late``.
        """
        groups: dict[str, list[Entry]] = {}
        for entry in entries:
            entry.known = at
            groups.setdefault(entry.trade.instrument.subject, []).append(entry)
        dropped: set[int] = set()
        for subject, group in groups.items():
            rows = Split(expired=(), doubtful=[entry.trade for entry in group], new=())
            missing = {trade.message_id: trade for trade in unstored(rows, stored.get(subject, {}))}
            for entry in group:
                trade = missing.get(entry.trade.message_id)
                if trade is None:
                    dropped.add(entry.number)
                elif trade.late and not entry.trade.late:
                    self._replace(entry, trade)
        kept = deque(entry for entry in self.queue if entry.number not in dropped)
        self.bytes -= _size(self.queue) - _size(kept)
        self.queue = kept
        return len(dropped)

    def _replace(self, entry: Entry, trade: Trade) -> None:
        self.bytes -= len(entry.message)
        entry.trade, entry.message = trade, message(trade, entry.number, self.inbox)
        self.bytes += len(entry.message)


def _size(entries: Iterable[Entry]) -> int:
    return sum(len(entry.message) for entry in entries)
