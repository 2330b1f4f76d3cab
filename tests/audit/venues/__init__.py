"""How each venue's recordings are read: one function a venue, from the lines of a recording to its rows."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.audit.venues import binance, bybit, gate, kucoin, okx, phemex, upbit
from tests.audit.venues.rows import Life, Line, Rows

VENUES: Mapping[str, Callable[[list[Line]], Rows]] = {
    "binance": binance.rows_of,
    "phemex": phemex.rows_of,
    "okx": okx.rows_of,
    "bybit": bybit.rows_of,
    "kucoin": kucoin.rows_of,
    "gate": gate.rows_of,
    "upbit": upbit.rows_of,
}
LIVES: Mapping[str, Callable[[str, Mapping[str, Any]], Life]] = {
    "binance": binance.life_of,
    "phemex": phemex.life_of,
    "okx": okx.life_of,
    "bybit": bybit.life_of,
    "kucoin": kucoin.life_of,
    "gate": gate.life_of,
    "upbit": upbit.life_of,
}
"""From market and row of an instrument list to what the row says of the instrument's life."""
DOMAINS: Mapping[str, tuple[str, ...]] = {
    "binance": ("binance.com", "binance.vision"),
    "phemex": ("phemex.com",),
    "okx": ("okx.com",),
    "bybit": ("bybit.com", "bybit.kz", "bybit.tr", "bybit.id"),
    "kucoin": ("kucoin.com",),
    "gate": ("gateio.ws", "gate.com", "gate.io"),
    "upbit": ("upbit.com",),
}
"""By which hosts a venue's addresses are known."""
