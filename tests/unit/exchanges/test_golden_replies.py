"""REST replies with rows typed by hand (``tests/golden``, under ``replies``): what venues tell of past trades."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.history import Source
from metdc_collector.exchanges.registry import venue
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import encode
from tests.unit.exchanges.past import refusal
from tests.unit.exchanges.test_golden import FILES, GOLDEN, RECEIVED

REPLIES: dict[tuple[str, str], list[dict[str, Any]]] = {
    (exchange, market): json.loads((GOLDEN / exchange / f"{market}.json").read_text())["replies"]
    for exchange, market in FILES
}


def cases() -> list[Any]:
    return [
        pytest.param(of, source, case, id=f"{'-'.join(of)} {source}: {case['says']}")
        for of, replies in REPLIES.items()
        for case in replies
        for source in case["sources"]
    ]


def found(of: tuple[str, str], name: str) -> Source:
    (source,) = [one for one in venue(*of).sources if one.name == name]
    return source


@pytest.mark.parametrize(("of", "source", "case"), cases())
def test_a_reply_becomes_the_payloads_typed_by_hand(of: tuple[str, str], source: str, case: dict[str, Any]) -> None:
    exchange, market = of
    instrument = Instrument(exchange=exchange, market=market, **case["instrument"])
    page = found(of, source).read(case["body"].encode(), instrument, RECEIVED)
    payloads = [json.loads(encode(trade)) for trade in page.trades]
    assert payloads == case["trades"]
    assert [list(payload) for payload in payloads] == [list(payload) for payload in case["trades"]]
    assert (page.damaged, page.full) == (case.get("damaged", 0), case.get("full", False))


@pytest.mark.parametrize(("of", "source", "case"), cases())
def test_a_reply_that_ends_early_is_refused(of: tuple[str, str], source: str, case: dict[str, Any]) -> None:
    exchange, market = of
    instrument = Instrument(exchange=exchange, market=market, **case["instrument"])
    body = case["body"].encode()
    for length in range(len(body)):
        assert refusal(found(of, source), instrument, body[:length]).startswith("the reply is not JSON: ")


@pytest.mark.parametrize("of", FILES, ids="-".join)
def test_every_source_has_a_reply(of: tuple[str, str]) -> None:
    told = {source for case in REPLIES[of] for source in case["sources"]}
    assert told == {source.name for source in venue(*of).sources}
