"""A collector on whose connections N instruments fit instead of as many as the venue allows, so that it needs many.

``python -m tests.narrow N …``; what follows are the collector's own words.
"""

import sys
from dataclasses import replace
from typing import Any, cast

from metdc_collector import settings
from metdc_collector.__main__ import main
from metdc_collector.exchanges import registry
from metdc_collector.exchanges.base import Venue

if __name__ == "__main__":
    most = int(sys.argv.pop(1))

    def narrowed(exchange: str, market: str) -> Venue:
        """Return a market's adapter with that limit."""
        venue: Any = registry.venue(exchange, market)
        return cast("Venue", replace(venue, limits=replace(venue.limits, symbols_per_connection=most)))

    settings.venue = narrowed  # type: ignore[attr-defined]  # where it was imported to
    sys.exit(main())
