"""Frames with rows typed by hand (``tests/golden``): every trade form of today, and the older ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from metdc_collector.exchanges.registry import MARKETS, venue
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import encode

GOLDEN = Path(__file__).parents[2] / "golden"
RECEIVED = 1790001515500000001
FILES = [(exchange, market) for exchange, markets in MARKETS.items() for market in markets]


def cases() -> list[Any]:
    found = []
    for exchange, market in FILES:
        file = json.loads((GOLDEN / exchange / f"{market}.json").read_text())
        assert file["market"] == market
        found += [
            pytest.param(exchange, market, case, id=f"{exchange}-{market}: {case['says']}") for case in file["cases"]
        ]
    return found


@pytest.mark.parametrize(("exchange", "market", "case"), cases())
def test_a_frame_becomes_the_payloads_typed_by_hand(exchange: str, market: str, case: dict[str, Any]) -> None:
    adapter = venue(exchange, market)
    instruments = {row["name"]: Instrument(exchange=exchange, market=market, **row) for row in case["instruments"]}
    conversation = adapter.converse(instruments, adapter.channels[0])
    for step in case["frames"]:
        parsed = conversation.receive(step["frame"].encode(), RECEIVED)
        assert parsed.kind.value == step["kind"]
        assert parsed.replayed is step.get("replayed", False)
        assert [[instrument.name, number] for instrument, number in parsed.skipped] == step.get("skipped", [])
        payloads = [json.loads(encode(trade)) for trade in parsed.trades]
        assert payloads == step["trades"]
        assert [list(payload) for payload in payloads] == [list(payload) for payload in step["trades"]]


def test_every_golden_file_belongs_to_a_market() -> None:
    assert sorted(GOLDEN.glob("*/*.json")) == sorted(GOLDEN / exchange / f"{market}.json" for exchange, market in FILES)
