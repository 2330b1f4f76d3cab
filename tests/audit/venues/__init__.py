"""How each venue's recordings are read: one function a venue, from the lines of a recording to its rows."""

from collections.abc import Callable, Mapping

from tests.audit.venues import binance, phemex
from tests.audit.venues.rows import Line, Rows

VENUES: Mapping[str, Callable[[list[Line]], Rows]] = {"binance": binance.rows_of, "phemex": phemex.rows_of}
DOMAINS: Mapping[str, tuple[str, ...]] = {"binance": ("binance.com", "binance.vision"), "phemex": ("phemex.com",)}
"""By which hosts a venue's addresses are known."""
