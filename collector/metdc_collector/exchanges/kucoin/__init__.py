"""KuCoin: the spot market, and USDT-margined perpetual futures."""

from metdc_collector.exchanges.kucoin.venue import FUTURES, SPOT

__all__ = ["FUTURES", "SPOT"]
