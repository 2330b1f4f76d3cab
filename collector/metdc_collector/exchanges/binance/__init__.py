"""Binance: the spot market, and USDT-margined perpetual futures."""

from metdc_collector.exchanges.binance.venue import FUTURES, SPOT

__all__ = ["FUTURES", "SPOT"]
