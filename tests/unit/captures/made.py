"""Trades made by hand: of one coin around an announcement, on markets with clocks and latencies of their own."""

from collections.abc import Sequence
from decimal import Decimal

from metdc_collector.captures.order import Order
from metdc_collector.captures.ticks import Market, Series, Tick

MS = 1_000_000
SECOND = 1_000 * MS
AT = 1_795_744_800 * SECOND
ORDER = Order("SOMI", AT)
BINANCE = Market("binance", "spot", "SOMI-USDT", "SOMIUSDT")
BYBIT = Market("bybit", "spot", "SOMI-USDT", "SOMIUSDT")
UPBIT = Market("upbit", "spot", "SOMI-BTC", "BTC-SOMI")


def tick(ms: int, price: str, *, quantity: str = "1", buy: bool = True, live: bool = True, latency: int = 50) -> Tick:
    """A trade so many ms after the announcement, received ``latency`` ms later."""
    time = AT + ms * MS
    return Tick(str(ms), time, time + latency * MS, Decimal(price), Decimal(quantity), buy, live)


def at(path: dict[int, str], **other: int) -> list[Tick]:
    """Trades at these ms after the announcement and prices."""
    return [tick(ms, price, **other) for ms, price in path.items()]  # type: ignore[arg-type] # latency alone


def calm(price: str = "1", *, step: int = 500, begin: int = -20_000, end: int = 0) -> dict[int, str]:
    """A price that stays, one trade each ``step`` ms. Times end in 7 ms, as those of an exchange that counts ms do."""
    return {ms + 7: price for ms in range(begin, end, step)}


def jump(ms: int, price: str, *, step: int = 100, end: int = 19_900) -> dict[int, str]:
    """A calm before, and from ``ms`` on a price of another height."""
    return calm(end=ms) | dict.fromkeys(range(ms, end, step), price)


def skewed(ticks: Sequence[Tick], ms: int) -> list[Tick]:
    """The same trades by an exchange's clock that is ahead by so many ms: its times differ, when they came does not."""
    return [each._replace(time=each.time + ms * MS) for each in ticks]


def whole(ticks: Sequence[Tick]) -> Series:
    """A series that leaves nothing out."""
    return Series(sorted(ticks, key=lambda each: each.time), {})
