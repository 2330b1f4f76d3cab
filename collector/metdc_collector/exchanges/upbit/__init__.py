"""Upbit: the spot market, of which pairs in KRW are wanted unless the configuration says otherwise."""

from metdc_collector.exchanges.upbit.venue import SPOT

__all__ = ["SPOT"]
