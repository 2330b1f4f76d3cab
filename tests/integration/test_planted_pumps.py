"""A planted pump is in the stream as the control port told it, and the audit stays exact meanwhile."""

import json
from decimal import Decimal

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import BINANCE_SPOT, Market, held, messages, settled, simulator, streaming

pytestmark = pytest.mark.timeout(180)
GATE_FUTURES = Market("gate", "futures", "BTC_USDT")
BYBIT_SPOT = Market("bybit", "spot", "BTCUSDT")
MARKETS = (BINANCE_SPOT, GATE_FUTURES, BYBIT_SPOT)
ORDER = {
    "base": "SUI",
    "in": 6,
    "end_ms": 6000,
    "peak_ms": 1000,
    "decline_ms": 1500,
    "skew_ms": {"gate": 300},
    "markets": {
        "binance.spot": {"delay_ms": 250, "bad_prints": [{"at_ms": -3000, "factor": "1.5"}]},
        "gate.futures": {"delay_ms": 100},
        "bybit.spot": {"delay_ms": -700, "thin": True},
    },
}


def test_a_pump_is_stored_as_it_was_planted(nats: NatsServer) -> None:
    with (
        simulator(only=("binance.spot", "gate", "bybit")) as exchange,
        streaming(exchange, BINANCE_SPOT, nats.url) as one,
        streaming(exchange, GATE_FUTURES, nats.url) as two,
        streaming(exchange, BYBIT_SPOT, nats.url) as three,
    ):
        for market in MARKETS:
            exchange.rate(market, 50)
        told = exchange.order("/pump", **ORDER)
        last = max(row["end"] for row in told["markets"].values())
        eventually(lambda: exchange.order("/mark")["plans"][0]["to"] > last, 30, "the pump is over")
        verdict = settled(exchange, nats.url, one, two, three)
    held(verdict, *MARKETS, least=100)
    stored: dict[str, list[tuple[int, Decimal]]] = {market.key: [] for market in MARKETS}
    for message in messages(nats.url):
        trade = json.loads(message.data)
        key = f"{trade['exchange']}.{trade['market']}"
        if message.subject.endswith(".SUI.USDT") and told["planted"] <= trade["time"] <= last:
            stored[key].append((trade["time"], Decimal(trade["price"])))
    for key, row in told["markets"].items():
        trades = [trade for trade in stored[key] if trade[0] <= row["end"] + row["skew_ms"] * 10**6]
        reference = Decimal(row["reference"])
        bad = {(each["time"], Decimal(each["price"])) for each in row["bad_prints"]}
        moved = sorted(trade for trade in trades if trade[1] > reference * Decimal("1.02") and trade not in bad)
        assert bad <= set(trades)
        assert moved[0] == (row["first_move"]["time"], Decimal(row["first_move"]["price"]))
        assert max(moved, key=lambda trade: trade[1]) == (row["peak"]["time"], Decimal(row["peak"]["price"]))
    assert told["ranking"] == [["gate.futures"], ["binance.spot"]]
