"""Instruments: how they name their trades, and which cannot be named."""

import json

import pytest

from metdc_collector.wire import instrument
from metdc_collector.wire.errors import InvalidMessage, InvalidToken
from metdc_collector.wire.instrument import Instrument
from tests.unit.wire.examples import BTC


def named(name: str = "BTCUSDT", base: str = "BTC", quote: str = "USDT", exchange: str = "binance") -> Instrument:
    return Instrument(exchange=exchange, market="spot", name=name, base=base, quote=quote)


def test_an_instrument_knows_where_its_trades_and_its_record_go() -> None:
    assert BTC.subject == "trades.binance.spot.BTC.USDT"
    assert BTC.record_subject == "instruments.binance.spot.BTC.USDT"


def test_an_instrument_has_the_symbol_of_its_coins() -> None:
    assert named(base="PEPE").symbol == "PEPE-USDT"


def test_a_record_is_written_as_the_contract_shows_it() -> None:
    record = Instrument(
        exchange="binance", market="spot", name="BTCUSDT", base="BTC", quote="USDT", tick="0.01", lot="0.00001"
    )
    assert instrument.encode(record) == (
        b'{"v":1,"exchange":"binance","market":"spot","symbol":"BTC-USDT","instrument":"BTCUSDT","base":"BTC",'
        b'"quote":"USDT","tick":"0.01","lot":"0.00001","multiplier":null,"unit_factor":null,"status":"trading",'
        b'"listed":null,"delisted":null}'
    )


def test_a_name_of_any_script_is_accepted() -> None:
    assert named(name="币安人生USDT", base="币安人生").subject.startswith("trades.binance.spot.%E5%B8%81")


@pytest.mark.parametrize("name", ["", "BTC USDT", "BTC\r\nUSDT", "BTC\x00", "\ud800", "BTC\u2028"])
def test_a_name_that_would_break_a_header_is_refused(name: str) -> None:
    with pytest.raises(InvalidToken):
        named(name=name)


@pytest.mark.parametrize(("base", "quote"), [("", "USDT"), ("BTC", ""), ("\udfff", "USDT"), ("BTC", "US-DT")])
def test_coins_that_cannot_be_told_apart_again_are_refused(base: str, quote: str) -> None:
    with pytest.raises(InvalidToken):
        named(base=base, quote=quote)


def test_a_record_whose_symbol_is_not_its_coins_is_refused() -> None:
    record = json.loads(instrument.encode(BTC)) | {"symbol": "ETH-USDT"}
    with pytest.raises(InvalidMessage, match="'ETH-USDT' is not 'BTC-USDT'"):
        instrument.decode(json.dumps(record).encode())
