"""Replies with past trades, rows typed by hand (``history`` in ``tests/golden``)."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.registry import venue
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import encode
from tests.unit.exchanges.test_golden import FILES, GOLDEN, RECEIVED


def cases() -> list[Any]:
    found = []
    for exchange, market in FILES:
        file = json.loads((GOLDEN / exchange / f"{market}.json").read_text())
        found += [
            pytest.param(exchange, market, case, id=f"{exchange}-{market}: {case['says']}")
            for case in file.get("history", ())
        ]
    return found


@pytest.mark.parametrize(("exchange", "market", "case"), cases())
def test_a_reply_becomes_the_payloads_typed_by_hand(exchange: str, market: str, case: dict[str, Any]) -> None:
    instrument = Instrument(exchange=exchange, market=market, **case["instrument"])
    source = venue(exchange, market).sources[case.get("source", 0)]
    page = source.read(case["body"].encode(), instrument, RECEIVED)
    payloads = [json.loads(encode(trade)) for trade in page.trades]
    assert payloads == case["trades"]
    assert [list(payload) for payload in payloads] == [list(payload) for payload in case["trades"]]
    assert (page.damaged, page.full) == (case.get("damaged", 0), case.get("full", False))
