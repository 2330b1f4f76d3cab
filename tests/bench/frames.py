"""Binance's trade frames, ready-made but for id and times, a few tenths of a microsecond each.

A trade's exchange time has whole ms on this venue; the 100 ns beyond them stand in its quantity (`0.1dddd…`), where
:func:`exact` finds them again, so that an age is known to better than the wire tells it.
"""

import random
import struct
from collections.abc import Sequence

_DRAWS = 1 << 16
_FIRST_ID = 1_000_000_000
_MS = 1_000_000
_LATIN = "latin-1"  # so that a frame's head, which is no text, can stand in one

TRADE, AGGREGATE = "trade", "aggTrade"


def names(count: int) -> list[str]:
    """Return that many native names; the first is the busy one. None ends like `SHIB1000`, which is a thousand SHIB."""
    return ["BTCUSDT", *(f"C{number:04d}XUSDT" for number in range(1, count))]


def exact(time: int, quantity: str) -> int:
    """Return when a trade was made, in ns, from its exchange time (ns, whole ms) and its quantity."""
    return time + int(quantity[3:7].ljust(4, "0")) * 100


class Symbol:
    """One symbol: its next id, and the text around what changes from trade to trade."""

    __slots__ = ("id", "name", "out", "parts")

    def __init__(self, name: str, first: int) -> None:
        self.name = name
        self.id = first
        self.out: list[str] | None = None
        self.parts = _parts(name, TRADE)

    def subscribe(self, out: list[str], event: str) -> None:
        """Let its frames of an event go to ``out``."""
        self.out = out
        self.parts = _parts(self.name, event)


class Frames:
    """Makes WebSocket frames of consecutive trades, half of them of the first symbol.

    Args:
        symbols: native names.
        seed: of the order in which they trade.
        first: the id before each symbol's first one, of ten digits.
    """

    def __init__(self, symbols: Sequence[str], seed: int, first: int = _FIRST_ID) -> None:
        self.symbols = {name: Symbol(name, first) for name in symbols}
        made = list(self.symbols.values())
        chance = random.Random(seed)
        self._draws = [made[0 if chance.random() < 0.5 else chance.randrange(len(made))] for _ in range(_DRAWS)]
        self._drawn = 0

    def put(self, count: int, now: int) -> int:
        """Make that many trades at a time (ns), each into the list of whoever subscribed; return how many were."""
        start = self._drawn % _DRAWS
        chosen = self._draws[start : start + count]
        while len(chosen) < count:
            chosen += self._draws[: count - len(chosen)]
        self._drawn += count
        return self._make(chosen, now)

    def each(self, now: int) -> int:
        """Make one trade of each symbol; return how many somebody subscribed to."""
        return self._make(list(self.symbols.values()), now)

    @staticmethod
    def _make(chosen: Sequence[Symbol], now: int) -> int:
        time = str(now // _MS)
        quantity = f"0.1{now % _MS // 100:04d}"
        made = 0
        for symbol in chosen:
            out = symbol.out
            if out is None:
                continue
            number = symbol.id = symbol.id + 1
            head, middle, price, end, last = symbol.parts[number & 1]
            out.append(f"{head}{time}{middle}{number}{price}{quantity}{number % 1000:03d}{end}{time}{last}")
            made += 1
        return made


def taken(out: list[str]) -> bytes:
    """Return what is in a list as bytes, and empty it."""
    data = "".join(out).encode(_LATIN)
    out.clear()
    return data


def _parts(name: str, event: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fixed text of a frame's five places, for even ids and for odd ones; both are of one length."""
    return _of_side(name, event, " true"), _of_side(name, event, "false")


def _of_side(name: str, event: str, maker: str) -> tuple[str, ...]:
    key = "t" if event == TRADE else "a"
    texts = (
        f'{{"stream":"{name.lower()}@{event}","data":{{"e":"{event}","E":',
        f',"s":"{name}","{key}":',
        ',"p":"80227.01000000","q":"',
        '","T":' if event == TRADE else f'","f":{_FIRST_ID},"l":{_FIRST_ID},"T":',
        f',"m":{maker},"M":true}}}}',
    )
    # Times have 13 digits until 2286, ids 10, quantities 10 with their point: lengths are known beforehand.
    length = sum(map(len, texts)) + 13 + 10 + 10 + 13
    head = struct.pack("!BBH", 0x81, 126, length).decode(_LATIN)
    return (head + texts[0], *texts[1:])
