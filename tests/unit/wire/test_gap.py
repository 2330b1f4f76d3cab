"""Gap records: an identity that every pod agrees on."""

from dataclasses import replace

from metdc_collector.wire import gap
from tests.unit.wire.examples import GAP

HOLE = replace(GAP, first_missing="5312345679", last_missing="5312345699", missing=21, filled=0)


def test_a_record_is_written_as_the_contract_shows_it() -> None:
    assert gap.encode(HOLE) == (
        b'{"v":1,"gap":"BTCUSDT:5312345678","exchange":"binance","market":"spot","symbol":"BTC-USDT",'
        b'"instrument":"BTCUSDT","before":{"id":"5312345678","time":1790001515463000000},'
        b'"after":{"id":"5312345700","time":1790001519000000000},"from":1790001515463000000,"to":1790001519000000000,'
        b'"first_missing":"5312345679","last_missing":"5312345699","cause":"disconnected","state":"open","missing":21,'
        b'"filled":0,"at":1790001519100000000}'
    )


def test_a_gap_keeps_its_identity_through_every_state() -> None:
    filled = replace(HOLE, state="filled", filled=21, at=HOLE.at + 1, after=None)
    assert filled.identity == HOLE.identity == "BTCUSDT:5312345678"


def test_a_gap_before_the_first_trade_has_an_identity_too() -> None:
    assert replace(HOLE, before=None).identity == "BTCUSDT:"


def test_a_gap_goes_to_the_subject_of_its_symbol() -> None:
    assert HOLE.subject == "gaps.binance.spot.BTC.USDT"
