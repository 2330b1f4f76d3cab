"""REST replies with rows typed by hand (``tests/golden``, under ``replies``): what venues tell of past trades."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.registry import venue
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import encode
from tests.unit.exchanges.test_golden import FILES, GOLDEN, RECEIVED


def replies() -> list[Any]:
    return [
        pytest.param(exchange, market, case, source, id=f"{exchange}-{market} {source}: {case['says']}")
        for exchange, market in FILES
        for case in json.loads((GOLDEN / exchange / f"{market}.json").read_text()).get("replies", [])
        for source in case["sources"]
    ]


@pytest.mark.parametrize(("exchange", "market", "case", "source"), replies())
def test_a_reply_becomes_the_payloads_typed_by_hand(exchange: str, market: str, case: Any, source: str) -> None:
    (asked,) = [one for one in venue(exchange, market).sources if one.name == source]
    instrument = Instrument(exchange=exchange, market=market, **case["instrument"])
    page = asked.read(case["body"].encode(), instrument, RECEIVED)
    payloads = [json.loads(encode(trade)) for trade in page.trades]
    assert (payloads, page.damaged, page.full) == (case["trades"], 0, False)
    assert [list(payload) for payload in payloads] == [list(payload) for payload in case["trades"]]
