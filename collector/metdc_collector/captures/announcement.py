"""Which listing event a capture is of, and how it is told. Pure."""

from collections.abc import Iterable
from typing import Any

from metdc_collector.captures.order import Order
from metdc_collector.wire.listing import Listing


def fitting(order: Order, listings: Iterable[Listing]) -> Listing | None:
    """Return the coin's listing whose moment lies in the window, the nearest to the capture's; null without one."""
    inside = [one for one in listings if one.base == order.base and order.start <= one.moment < order.end]
    return min(inside, key=lambda one: abs(one.moment - order.at), default=None)


def record(listing: Listing) -> dict[str, Any]:
    """Return what the metadata has of a listing event: its own names, times in ns."""
    return {
        "exchange": listing.exchange,
        "market": listing.market,
        "instrument": listing.instrument,
        "announced": listing.announced,
        "first_seen": listing.first_seen,
        "trade_start": listing.trade_start,
        "source": listing.source,
        "notice": listing.notice,
        "title": listing.title,
        "url": listing.url,
    }
