"""The judge of captured windows is judged: each damage to a window is found, and named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit import ledger as ledgers
from tests.audit import window
from tests.integration.audit_examples import instrument, trade

SECOND = 1_000_000_000
T = 1790001515000000000
KEY = ("binance", "spot", "BTCUSDT")
NAME = "binance.spot.BTC.USDT.jsonl"
Lines = list[dict[str, Any]]


def at(number: int) -> int:
    return T + number * SECOND


def message(number: int) -> dict[str, Any]:
    names = {"exchange": "binance", "market": "spot", "symbol": "BTC-USDT", "instrument": "BTCUSDT"}
    values = {"id": str(number), "seq": str(number), "price": "1", "quantity": "2", "side": "buy"}
    return {"v": 1, **names, **values, "time": at(number), "received": at(number) + 5}


def compared(place: Path, lines: Lines, *, other: str | None = None) -> list[str]:
    """Compare a window of the trades 2 to 5 out of 8."""
    subscribed = {"type": "connection", "event": "subscribed", "instruments": ["BTCUSDT"], "at": T}
    head = dict(zip(("exchange", "market"), KEY, strict=False))
    rows = [trade(*KEY, number, id=str(number), price="1.0", size="2.0", time=at(number)) for number in range(1, 9)]
    unheard = [row | {"connections": 0} for row in rows]
    listed = [instrument("binance", "spot", f"{base}USDT", base) for base in ("BTC", "ETH")]
    ledger = place / "ledger.jsonl"
    ledger.write_text("".join(json.dumps(row) + "\n" for row in [*listed, subscribed | head, *unheard]))
    files = place / "trades"
    files.mkdir()
    (files / NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    if other is not None:
        (files / other).write_text(json.dumps(message(3)) + "\n")
    return window.compare(place, ledgers.read(ledger, every=True).book, "BTC", at(2), at(6))


def test_a_window_that_holds_each_trade_once_differs_in_nothing(tmp_path: Path) -> None:
    assert compared(tmp_path, [message(number) for number in range(2, 6)]) == []


DAMAGES: dict[str, Callable[[Lines], object]] = {
    "4 is missing": lambda lines: lines.pop(2),
    "5 is there twice": lambda lines: lines.append(lines[3]),
    "6 is no trade of the window": lambda lines: lines.append(message(6)),
    "1 is no trade of the window": lambda lines: lines.insert(0, message(1)),
    "3 stands behind a later one": lambda lines: lines.insert(2, lines.pop(1)),
    "3: price: '1.1' in place of '1'": lambda lines: lines[1].update(price="1.1"),
    "3: side: 'sell' in place of 'buy'": lambda lines: lines[1].update(side="sell"),
    "3: kind: 'block' in place of '(absent)'": lambda lines: lines[1].update(kind="block"),
}


@pytest.mark.parametrize("words", DAMAGES)
def test_each_damage_is_named(tmp_path: Path, words: str) -> None:
    lines = [message(number) for number in range(2, 6)]
    DAMAGES[words](lines)
    assert compared(tmp_path, lines) == [f"binance.spot.BTC.USDT: {words}"]


def test_a_file_of_an_instrument_without_trades_is_named(tmp_path: Path) -> None:
    lines = [message(number) for number in range(2, 6)]
    found = compared(tmp_path, lines, other="binance.spot.ETH.USDT.jsonl")
    assert found == ["binance.spot.ETH.USDT: 3 is no trade of the window"]


def test_an_empty_folder_lacks_every_trade(tmp_path: Path) -> None:
    assert len(compared(tmp_path, [])) == 4
