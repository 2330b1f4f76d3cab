"""What the collector's tests are about: instruments, trades, a clock that is turned by hand."""

from dataclasses import dataclass

from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Aggregate, Trade

SECOND = 1_000_000_000
MOMENT = 1_790_000_000 * SECOND
"""A time in ns since the epoch from which tests count."""

BTC = Instrument(exchange="binance", market="spot", name="BTCUSDT", base="BTC", quote="USDT")
ETH = Instrument(exchange="binance", market="spot", name="ETHUSDT", base="ETH", quote="USDT")


def trade(number: int | str, at: int | None = None, of: Instrument = BTC) -> Trade:
    """A trade with that id, which is its ordering number too where it is one.

    ``at`` is its time in ns after :data:`MOMENT`, by default one ms per id.
    """
    order = str(number).rpartition(":")[2]
    if at is None:
        at = int(order) * 1_000_000
    return Trade(
        of, str(number), order if order.isdecimal() else None, "80227.01", "0.5", "buy", MOMENT + at, MOMENT + at
    )


def aggregate(number: int, first: int, last: int, at: int = 0, of: Instrument = BTC) -> Trade:
    """An aggregate trade of the fills from ``first`` to ``last``."""
    return trade(f"agg:{number}", at, of)._replace(aggregate=Aggregate(str(first), str(last)))


@dataclass
class HandClock:
    """A monotonic clock in ns that moves only when it is told to."""

    time: int = 0

    def __call__(self) -> int:
        return self.time

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.time / SECOND

    async def sleep(self, seconds: float) -> None:
        """Sleep by moving the clock."""
        self.time += round(seconds * SECOND)


class Tape:
    """A tap that keeps what it is told: (what, address, text or bytes)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str | bytes]] = []

    def replied(self, url: str, body: bytes) -> None:
        """Keep a REST reply."""
        self.seen.append(("http", url, body))

    def connecting(self, url: str) -> None:
        """Keep the start of a connection."""
        self.seen.append(("connect", url, ""))

    def sending(self, url: str, frame: str) -> None:
        """Keep a frame that goes out."""
        self.seen.append(("send", url, frame))

    def received(self, data: bytes, *, binary: bool) -> None:
        """Keep a frame that came in, by its opcode."""
        self.seen.append(("binary" if binary else "text", "", data))
