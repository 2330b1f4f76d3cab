"""Gate: the spot market, and USDT-margined perpetual futures."""

from metdc_collector.exchanges.gate.venue import FUTURES, SPOT

__all__ = ["FUTURES", "SPOT"]
