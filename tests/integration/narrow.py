"""A collector on whose connections six instruments of Binance spot fit instead of a thousand, so that it needs many."""

import sys
from dataclasses import replace

from metdc_collector.__main__ import main
from metdc_collector.exchanges import binance

SYMBOLS = 6

if __name__ == "__main__":
    limits = replace(binance.SPOT.limits, symbols_per_connection=SYMBOLS)
    binance.SPOT = replace(binance.SPOT, limits=limits)
    sys.exit(main())
