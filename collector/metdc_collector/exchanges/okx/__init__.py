"""OKX: the spot market, and USDT-margined perpetual futures."""

from metdc_collector.exchanges.okx.venue import FUTURES, SPOT

__all__ = ["FUTURES", "SPOT"]
