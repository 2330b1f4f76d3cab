"""Running ``metdc`` inside a test, and instrument lists to run it on."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from metdc_collector.cli.group import metdc


def run(*arguments: str | Path) -> Result:
    """Run ``metdc`` with these arguments."""
    return CliRunner().invoke(metdc, [str(argument) for argument in arguments], prog_name="metdc")


def binance_row(symbol: str, base: str, quote: str, status: str = "TRADING") -> dict[str, object]:
    """One instrument as Binance lists it."""
    return {
        "symbol": symbol,
        "status": status,
        "baseAsset": base,
        "quoteAsset": quote,
        "isSpotTradingAllowed": True,
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
        ],
    }


def binance_list(folder: Path) -> Path:
    """A list with one instrument of each fate."""
    path = folder / "exchangeInfo.json"
    rows = [
        binance_row("BTCUSDT", "BTC", "USDT"),
        binance_row("ETHUSDT", "ETH", "USDT"),
        binance_row("ETHBTC", "ETH", "BTC"),
        binance_row("OLDUSDT", "OLD", "USDT", status="BREAK"),
    ]
    path.write_text(json.dumps({"symbols": rows}))
    return path
