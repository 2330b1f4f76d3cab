"""One connection to Phemex: what is sent, and what the answers mean."""

import json

import pytest

from metdc_collector.exchanges.base import Kind, Refusal
from metdc_collector.exchanges.phemex import FUTURES, SPOT
from tests.unit.exchanges.examples import NOW, RECEIVED, converse, frame, instrument

BTC = instrument("phemex", "spot", "sBTCUSDT", "BTC", price_scale=8, quantity_scale=8)
ETH = instrument("phemex", "spot", "sETHUSDT", "ETH", price_scale=8, quantity_scale=8)


def test_the_address_has_no_path() -> None:
    assert converse("phemex", "spot").path() == ""


def test_each_instrument_is_asked_for_in_a_frame_of_its_own() -> None:
    commands = converse("phemex", "spot", BTC, ETH).subscribe(["sBTCUSDT", "sETHUSDT"], NOW)
    assert [json.loads(command.frame) for command in commands] == [
        {"id": 1, "method": "trade.subscribe", "params": ["sBTCUSDT"]},
        {"id": 2, "method": "trade.subscribe", "params": ["sETHUSDT"]},
    ]
    assert [(command.request, command.names) for command in commands] == [(1, ("sBTCUSDT",)), (2, ("sETHUSDT",))]
    assert SPOT.limits.symbols_per_request == 1


def test_perpetuals_have_a_method_of_their_own() -> None:
    (command,) = converse("phemex", "futures").subscribe(["BTCUSDT"], NOW)
    assert json.loads(command.frame)["method"] == "trade_p.subscribe"


def test_only_what_is_subscribed_is_given_up() -> None:
    conversation = converse("phemex", "spot", BTC, ETH)
    conversation.subscribe(["sBTCUSDT"], NOW)
    (command,) = conversation.unsubscribe(["sBTCUSDT", "sETHUSDT"], NOW)
    assert json.loads(command.frame) == {"id": 2, "method": "trade.unsubscribe", "params": ["sBTCUSDT"]}


def test_an_ack_confirms_its_instrument() -> None:
    conversation = converse("phemex", "spot", BTC, ETH)
    conversation.subscribe(["sBTCUSDT", "sETHUSDT"], NOW)
    parsed = conversation.receive(b'{"error":null,"id":2,"result":{"status":"success"}}', RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ("sETHUSDT",))


@pytest.mark.parametrize(("code", "message"), [(6001, "invalid argument"), (6015, "subscription limit exceeded")])
def test_an_error_refuses_its_instrument_and_tells_why(code: int, message: str) -> None:
    conversation = converse("phemex", "spot", BTC)
    conversation.subscribe(["sBTCUSDT"], NOW)
    parsed = conversation.receive(
        frame({"error": {"code": code, "message": message}, "id": 1, "result": None}), RECEIVED
    )
    reason = f"the venue refused: '{message}' (code {code})"
    assert (parsed.kind, parsed.refused) == (Kind.CONTROL, [Refusal("sBTCUSDT", reason)])


def test_the_heartbeat_is_answered_by_pong() -> None:
    conversation = converse("phemex", "spot", BTC)
    assert json.loads(conversation.heartbeat(NOW)) == {"id": 0, "method": "server.ping", "params": []}
    parsed = conversation.receive(b'{"error":null,"id":0,"result":"pong"}', RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ())


def test_heartbeats_are_far_more_frequent_than_the_venues_patience() -> None:
    for adapter in (SPOT, FUTURES):
        assert adapter.rhythm.heartbeat is not None
        assert adapter.rhythm.heartbeat * 3 < 30


@pytest.mark.parametrize(
    "message",
    [
        {"book": {"asks": [], "bids": []}, "depth": 30, "sequence": 1, "symbol": "sBTCUSDT", "type": "incremental"},
        {"orderbook_p": {}, "sequence": 1, "symbol": "BTCUSDT", "type": "snapshot"},
        {"kline": [], "sequence": 1, "symbol": "sBTCUSDT", "type": "snapshot"},
        {"market24h": {}, "timestamp": 1},
        {"data": [], "fields": [], "method": "perp_market24h_pack_p.update", "timestamp": 1, "type": "snapshot"},
    ],
)
def test_other_channels_are_passed_over_in_silence(message: object) -> None:
    parsed = converse("phemex", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.OTHER, (), "")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"sequence": 1, "symbol": "sBTCUSDT", "type": "snapshot"},
        {"error": None, "id": 1},
        {"error": None, "id": 1, "result": "ping"},
        {"error": None, "id": 1, "result": {"status": "maybe"}},
        {"error": "no", "id": 1, "result": None},
        [],
        "pong",
        None,
    ],
)
def test_what_no_channel_sends_is_malformed_with_a_reason(message: object) -> None:
    parsed = converse("phemex", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.MALFORMED, ())
    assert parsed.reason


def test_a_spot_name_alone_tells_base_quote_and_price_scale() -> None:
    guess = SPOT.guess("sBTCUSDT")
    assert guess is not None
    assert (guess.symbol, guess.price_scale, guess.quantity_scale) == ("BTC-USDT", 8, None)


def test_a_futures_name_alone_tells_base_and_unit_factor() -> None:
    guess = FUTURES.guess("u1000PEPEUSDT")
    assert guess is not None
    assert (guess.symbol, guess.unit_factor, guess.price_scale) == ("PEPE-USDT", "1000", None)


@pytest.mark.parametrize("name", ["BTCUSDT", "sBTC", "sUSDT", "s\nUSDT", "YFIUSD"])
def test_what_is_no_spot_name_tells_nothing(name: str) -> None:
    assert SPOT.guess(name) is None


@pytest.mark.parametrize("name", ["sBTCUSDT", "BTCUSD", "USDT", ""])
def test_what_is_no_name_of_a_usdt_perpetual_tells_nothing(name: str) -> None:
    assert FUTURES.guess(name) is None
