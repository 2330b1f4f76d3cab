"""Upbit's market list → instruments.

``GET /v1/market/all``, the whole list in one array; with ``is_details=true`` rows have ``market_event``, too::

    [{"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin",
      "market_event":{"warning":false,"caution":{"PRICE_FLUCTUATIONS":false,…}}}]

A code is quote-base: ``KRW-BTC`` is BTC in KRW. Presence is all there is for a status: a pair that left vanishes, and
one with a warning still trades. A new pair may show up some time before its first trade, or after it. Neither steps
nor times are given. Error: ``{"error":{"name":404,"message":"Code not found"}}``.
"""

from collections.abc import Mapping
from typing import Any

from metdc_collector.exchanges.base import NONE_KNOWN, Listing, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.listing import Row, assemble, name_of, read_array
from metdc_collector.exchanges.naming import Pair
from metdc_collector.wire.instrument import Instrument

_MEMBERS = frozenset({"market"})


def read(body: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
    """Read the market list.

    Raises:
        InvalidListing: when it is none.
    """
    rows: list[Row] = []
    refused: list[Refusal] = []
    for place, row in enumerate(read_array(body, _MEMBERS)):
        try:
            rows.append(_row(row))
        except Damaged as error:
            refused.append(Refusal(name_of(row, "market", place), f"its row in the list is damaged: {error}"))
    return assemble("upbit", "spot", rows, refused, known)


def split_code(code: str) -> Pair | None:
    """Take a code apart: ``KRW-BTC`` is base BTC, quote KRW; null for anything else than two parts."""
    parts = code.split("-")
    return Pair(base=parts[1], quote=parts[0]) if len(parts) == 2 and all(parts) and is_name(code) else None


def _row(row: Any) -> Row:
    if not isinstance(row, dict):
        raise Damaged(f"it is no object: {shown(row)}")
    name = row.get("market")
    if type(name) is not str or (pair := split_code(name)) is None:
        raise Damaged(f"market is no quote and base: {shown(name)}")
    return Row(name=name, base=pair.base, quote=pair.quote, status="trading")
