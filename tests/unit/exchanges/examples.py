"""Instruments and frames that the tests of the adapters share."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from metdc_collector.exchanges.base import Conversation
from metdc_collector.exchanges.registry import venue
from metdc_collector.wire.instrument import Instrument

RECEIVED = 1790001515500000001
NOW = RECEIVED


def instrument(exchange: str, market: str, name: str, base: str, **more: Any) -> Instrument:
    return Instrument(exchange=exchange, market=market, name=name, base=base, quote=more.pop("quote", "USDT"), **more)


def converse(exchange: str, market: str, *instruments: Instrument, channel: int = 0) -> Conversation:
    adapter = venue(exchange, market)
    return adapter.converse({entry.name: entry for entry in instruments}, adapter.channels[channel])


def frame(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def body(rows: Sequence[object] | Mapping[str, object], key: str = "symbols") -> bytes:
    """The reply to a request for an instrument list: Binance's by default, Phemex's ``data`` as a mapping."""
    return json.dumps({key: rows}).encode()


def spot_row(symbol: str, base: str, quote: str = "USDT", **more: object) -> dict[str, object]:
    """A row of Binance's spot list."""
    return {"symbol": symbol, "status": "TRADING", "baseAsset": base, "quoteAsset": quote} | more


def futures_row(symbol: str, base: str, quote: str = "USDT", **more: object) -> dict[str, object]:
    """A row of Binance's futures list."""
    return spot_row(symbol, base, quote, contractType="PERPETUAL", marginAsset=quote) | more
