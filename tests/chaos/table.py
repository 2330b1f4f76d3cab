"""The table of rows, as data: which fault hits which venues in which schedule."""

from dataclasses import dataclass
from typing import Literal

from tests.integration.rig import BINANCE_FUTURES, BINANCE_SPOT, PHEMEX_FUTURES, PHEMEX_SPOT, Market

Schedule = Literal["short", "long"]

BYBIT_SPOT, BYBIT_FUTURES = Market("bybit", "spot", "BTCUSDT"), Market("bybit", "futures", "BTCUSDT")
OKX_SPOT, OKX_FUTURES = Market("okx", "spot", "BTC-USDT"), Market("okx", "futures", "BTC-USDT-SWAP")
KUCOIN_SPOT, KUCOIN_FUTURES = Market("kucoin", "spot", "BTC-USDT"), Market("kucoin", "futures", "XBTUSDTM")
GATE_SPOT, GATE_FUTURES = Market("gate", "spot", "BTC_USDT"), Market("gate", "futures", "BTC_USDT")
UPBIT_SPOT = Market("upbit", "spot", "KRW-BTC")
ALL = (
    BINANCE_SPOT,
    BINANCE_FUTURES,
    BYBIT_SPOT,
    BYBIT_FUTURES,
    OKX_SPOT,
    OKX_FUTURES,
    KUCOIN_SPOT,
    KUCOIN_FUTURES,
    GATE_SPOT,
    GATE_FUTURES,
    PHEMEX_SPOT,
    PHEMEX_FUTURES,
    UPBIT_SPOT,
)
COUNTED = frozenset(market.key for market in (BINANCE_SPOT, BINANCE_FUTURES, OKX_SPOT, OKX_FUTURES, GATE_SPOT))
"""Markets whose numbers are consecutive, so that a missing one shows (`exchanges.md` 1.2)."""
FEW = (BINANCE_SPOT, GATE_SPOT, BYBIT_FUTURES, PHEMEX_FUTURES)
"""The short schedule's: ids that count, a number beside the id that counts, ids that don't, and none at all."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault in one schedule: it hits its markets at the same time, each is a row of the result.

    Attributes:
        fault: its name, a key of :data:`tests.chaos.faults.FAULTS` or :data:`tests.chaos.scenes.SCENES`.
        markets: whom it hits.
    """

    fault: str
    markets: tuple[Market, ...]


SHORT = (
    Row("planned_end", (BINANCE_SPOT,)),
    Row("malformed", FEW),
    Row("reset", FEW),
    Row("half_open", FEW),
    Row("close_code", FEW),
    Row("omit", FEW),
    Row("rest_lag", FEW),
    Row("rest_error", FEW),
    Row("nats_kill", FEW),
    Row("nats_stop", FEW),
    Row("collector_kill", FEW),
)
"""At most two minutes: one scene for all."""
NUMBERED = tuple(market for market in ALL if market.exchange != "phemex")
"""Where rows have ids: on Phemex a frame that comes twice is twice as many trades, whoever reads it."""
LONG = (
    *(Row(fault, ALL) for fault in ("planned_end", "malformed", "damaged", "reset", "half_open", "close_code")),
    *(Row(fault, ALL) for fault in ("refuse_connect", "slow_ack", "silent_ack", "omit_long")),
    *(Row(fault, NUMBERED) for fault in ("duplicate_trades", "skip_ids", "old_trades")),
    Row("deaf", tuple(market for market in ALL if market != BINANCE_SPOT)),
    *(Row(fault, ALL) for fault in ("out_of_order_rows", "shift_time", "delay", "burst", "own_code")),
    *(Row(fault, ALL) for fault in ("rest_lag", "rest_error", "no_headers")),
    *(Row(f"rest_body_{mode}", ALL) for mode in ("empty", "not_json", "gzip", "truncated", "shrunk")),
    Row("equal_rows", (PHEMEX_SPOT, PHEMEX_FUTURES)),
    *(Row(fault, ALL) for fault in ("nats_kill", "nats_stop", "collector_kill", "collector_stop")),
    Row("nats_away", (BINANCE_SPOT,)),
    Row("spool_start", (BINANCE_SPOT,)),
    Row("nats_leader", (BINANCE_SPOT,)),
    Row("disk_full", (BINANCE_SPOT,)),
    Row("clock_step", FEW),
    Row("two_collectors", (BINANCE_SPOT, BYBIT_FUTURES, PHEMEX_FUTURES)),
    Row("quiet_rotations", (BINANCE_SPOT, BYBIT_SPOT, OKX_FUTURES, KUCOIN_SPOT, GATE_SPOT, PHEMEX_SPOT, UPBIT_SPOT)),
)
"""Every fault that the simulator knows against every market, then the processes.

``deaf`` needs a client that says something after it has subscribed; on Binance's spot market nothing makes it. Not here
are two that a collector can't notice: ``accept_unknown``, since it asks for nothing unknown, and ``rest_digit``, where
REST contradicts the socket, which ``metdc verify`` finds."""
TABLE: dict[Schedule, tuple[Row, ...]] = {"short": SHORT, "long": LONG}


def chosen(schedule: Schedule, *, only: frozenset[str], venues: frozenset[str]) -> list[Row]:
    """Return the rows of a schedule: those of some faults or venues (``binance`` or ``binance.spot``), or all.

    Raises:
        ValueError: a name is not in the table; the text lists those that are.
    """
    rows = TABLE[schedule]
    faults = [row.fault for row in rows]
    names = {name for row in rows for market in row.markets for name in (market.exchange, market.key)}
    if unknown := only - set(faults):
        raise ValueError(f"no such fault in {schedule}: {', '.join(sorted(unknown))}; known: {', '.join(faults)}")
    if unknown := venues - names:
        raise ValueError(
            f"no such venue in {schedule}: {', '.join(sorted(unknown))}; known: {', '.join(sorted(names))}"
        )
    found = []
    for row in rows:
        markets = tuple(m for m in row.markets if not venues or {m.exchange, m.key} & venues)
        if markets and (not only or row.fault in only):
            found.append(Row(row.fault, markets))
    return found
