"""Bybit: the spot market, and USDT-settled perpetual futures."""

from metdc_collector.exchanges.bybit.venue import FUTURES, SPOT

__all__ = ["FUTURES", "SPOT"]
