"""What the watcher knows, and keeps over restarts in the bucket ``metdc_listings``. Pure.

Value, under the key ``upbit``::

    {"v":1,"floor":[6635,1790001512000000000],"seen":{"6636":[1790001600000000000,1790001600000000000,["POD"]]},
     "markets":["BTC","ETH"],"not_understood":1,
     "unread":[{"at":1790001514803112402,"notice":"6637","title":"…","reason":"no ticker can be told"}]}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from metdc_collector.wire import records
from metdc_collector.wire.errors import InvalidMessage

VERSION = 1
BUCKET = "metdc_listings"
KEY = "upbit"
_MOST_SEEN = 300
_MOST_UNREAD = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A notice that was read.

    Attributes:
        listed: when it was published or last edited, ns; another time means that it was edited since.
        announced: when it was first published, ns.
        coins: those that it has named as listed in KRW, by the venue's tickers, in any of its versions.
    """

    listed: int
    announced: int
    coins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """What was not understood.

    Attributes:
        at: when it came, ns since the epoch.
        notice: the notice's number; null where even that could not be read.
        title: its title, or the row as it came.
        reason: why it wasn't, in words.
    """

    at: int
    notice: str | None
    title: str
    reason: str


@dataclass(slots=True)
class Memory:
    """What is known.

    Attributes:
        floor: the greatest number, and the latest time of first publication (ns), of the notices that were there
            before the watcher's very first look, or are forgotten by now: one below both is old. Null before that look.
        seen: the notices that were read, by number; the newest few hundred.
        markets: the coins that have ever been in the KRW market, by ticker; null before the first look.
        unread: the last few that were not understood.
        not_understood: how many there have ever been.
    """

    floor: tuple[int, int] | None = None
    seen: dict[int, Seen] = field(default_factory=dict)
    markets: frozenset[str] | None = None
    unread: list[Unread] = field(default_factory=list)
    not_understood: int = 0

    def is_old(self, number: int, announced: int) -> bool:
        """Whether an unseen notice was there before: numbers rise, but one may be given long before it is published."""
        return self.floor is not None and number <= self.floor[0] and announced <= self.floor[1]

    def remember(self, number: int, seen: Seen) -> None:
        """Keep a notice; where there are too many, the least numbers are forgotten, and are old from then on."""
        self.seen[number] = seen
        while len(self.seen) > _MOST_SEEN:
            least = min(self.seen)
            self.raise_floor(least, self.seen.pop(least).announced)

    def raise_floor(self, number: int, announced: int) -> None:
        """Let what is below both be old."""
        before = self.floor or (0, 0)
        self.floor = (max(before[0], number), max(before[1], announced))

    def note(self, unread: Unread) -> bool:
        """Keep what was not understood, once; return whether it is new."""
        if any((one.notice, one.title) == (unread.notice, unread.title) for one in self.unread):
            return False
        self.unread = [*self.unread, unread][-_MOST_UNREAD:]
        self.not_understood += 1
        return True


def encode(memory: Memory) -> bytes:
    """Return the bucket's value."""
    return orjson.dumps(
        {
            "v": VERSION,
            "floor": memory.floor,
            "seen": {str(number): [one.listed, one.announced, one.coins] for number, one in memory.seen.items()},
            "markets": None if memory.markets is None else sorted(memory.markets),
            "not_understood": memory.not_understood,
            "unread": memory.unread,
        }
    )


def decode(value: bytes) -> Memory:
    """Read the bucket's value.

    Raises:
        InvalidMessage: when it is none, or of a version that this code does not know.
    """
    record = records.load(value, VERSION)
    try:
        floor, markets, seen = record["floor"], record["markets"], record["seen"]
        memory = Memory(
            floor=None if floor is None else (_time(floor[0]), _time(floor[1])),
            seen={int(number): Seen(_time(one[0]), _time(one[1]), _texts(one[2])) for number, one in seen.items()},
            markets=None if markets is None else frozenset(_texts(markets)),
            unread=[_unread(one) for one in record["unread"]],
            not_understood=_time(record["not_understood"]),
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise InvalidMessage(f"memory of the watcher: {error!r}") from None
    return memory


def _unread(record: Mapping[str, Any]) -> Unread:
    return records.build(Unread, record)


def _time(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no time or count")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{value!r} is no list of texts")
    return tuple(value)
