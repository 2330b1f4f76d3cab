"""Listing events: one identity for each coin and market, whoever has seen it wherever."""

from dataclasses import replace

import pytest

from metdc_collector.wire import listing
from metdc_collector.wire.errors import InvalidToken
from metdc_collector.wire.listing import Listing

POD = Listing(
    exchange="upbit",
    market="krw",
    base="POD",
    quote="KRW",
    instrument="KRW-POD",
    source="announcements",
    first_seen=1790001514803112402,
    announced=1790001512000000000,
    trade_start=1790010000000000000,
    notice="6635",
    title="돌핀(POD) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)",
    url="https://upbit.com/service_center/notice?id=6635",
)


def test_an_event_is_written_as_the_contract_shows_it() -> None:
    assert listing.encode(POD).decode() == (
        '{"v":1,"exchange":"upbit","market":"krw","symbol":"POD-KRW","instrument":"KRW-POD",'
        '"announced":1790001512000000000,"first_seen":1790001514803112402,"trade_start":1790010000000000000,'
        '"source":"announcements","notice":"6635","title":"돌핀(POD) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)",'
        '"url":"https://upbit.com/service_center/notice?id=6635"}'
    )


def test_an_event_goes_to_the_subject_of_its_coin() -> None:
    assert POD.subject == "listings.upbit.krw.POD"
    assert replace(POD, base="A.B").subject == "listings.upbit.krw.A%2EB"


def test_its_identity_is_the_same_from_every_source() -> None:
    assert replace(POD, source="socket", notice="562593104").message_id == POD.message_id == "listing:upbit.krw.POD"


def test_a_coin_or_market_that_cannot_be_a_token_has_no_event() -> None:
    for wrong in (replace(POD, base=""), replace(POD, market="K RW")):
        with pytest.raises(InvalidToken):
            _ = wrong.subject
