"""The seeded mutator's REST replies (``make fuzz``) in small, and whether it would notice."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import InvalidReply
from metdc_collector.exchanges.history import Page
from metdc_collector.exchanges.registry import venue
from tests import fuzz
from tests.fuzz_forms import FORMS
from tests.fuzz_history import Replies
from tests.unit.exchanges.examples import RECEIVED

COUNT = 500


def test_every_source_of_every_market_is_damaged() -> None:
    sources = {name: [source.name for source in venue(*name.split(".")).sources] for name in fuzz.VENUES}
    assert {name: list(forms) for name, forms in FORMS.items()} == sources


@pytest.mark.parametrize("name", FORMS)
def test_of_damaged_replies_exactly_the_healthy_rows_come_out(name: str) -> None:
    outcome = fuzz.fuzz_history(name, COUNT, seed=20261126)
    assert outcome.examples == []
    assert (outcome.frames, outcome.wrong) == (COUNT, 0)
    assert outcome.damaged > COUNT / 2
    assert outcome.rows > COUNT / 2


@given(st.sampled_from(sorted(FORMS)), st.binary(max_size=300))
def test_no_bytes_raise_but_as_no_reply(name: str, data: bytes) -> None:
    exchange, market = name.split(".")
    instruments = fuzz.MAKERS[exchange](market, Random("0")).instruments
    for source in venue(exchange, market).sources:
        with pytest.raises(InvalidReply):
            source.read(b"x" + data, next(iter(instruments.values())), RECEIVED)


class _Wrong:
    """A source that spoils what the real one makes."""

    def __init__(self, spoil: Any) -> None:
        [self.source] = venue("phemex", "spot").sources
        self.spoil = spoil

    def read(self, *arguments: Any) -> Page:
        page: Page = self.spoil(self.source.read(*arguments))
        return page


def lost(page: Page) -> Page:
    return Page(page.trades[1:], page.damaged, page.full)


def flipped(page: Page) -> Page:
    turned = [trade._replace(side="buy" if trade.side == "sell" else "sell") for trade in page.trades]
    return Page(turned, page.damaged, page.full)


def unmarked(page: Page) -> Page:
    return Page([trade._replace(backfilled=False) for trade in page.trades], page.damaged, page.full)


def hushed(page: Page) -> Page:
    return Page(page.trades, 0, page.full)


def filled(page: Page) -> Page:
    return Page(page.trades, page.damaged, not page.full)


def raised(page: Page) -> Page:
    raise RuntimeError("an adapter must not")


def refused(page: Page) -> Page:
    raise InvalidReply("an adapter must not")


@pytest.mark.parametrize("spoil", [lost, flipped, unmarked, hushed, filled, raised, refused])
def test_the_oracle_notices(spoil: Any) -> None:
    random, outcome = Random("0"), fuzz.Outcome()
    instruments = fuzz.Phemex("spot", random).instruments
    replies = Replies(FORMS["phemex.spot"]["trade"], list(instruments.values()), random)
    for _ in range(50):
        outcome.judge_reply(replies.make(), _Wrong(spoil))  # type: ignore[arg-type]  # it only reads
    assert outcome.wrong > 0
    assert outcome.examples


def test_the_oracle_notices_a_reply_that_is_not_refused() -> None:
    class Mild:
        def read(self, *arguments: Any) -> Page:
            return Page(())

    random, outcome = Random("0"), fuzz.Outcome()
    replies = Replies(FORMS["phemex.spot"]["trade"], list(fuzz.Phemex("spot", random).instruments.values()), random)
    for _ in range(50):
        outcome.judge_reply(replies.make(), Mild())  # type: ignore[arg-type]  # it only reads
    assert any("was not refused" in example for example in outcome.examples)
