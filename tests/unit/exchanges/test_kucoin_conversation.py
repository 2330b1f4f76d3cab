"""One connection to KuCoin: how its address is had, what is sent, and what the answers mean."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from metdc_collector.exchanges.base import Ending, Handshake, InvalidReply, Kind, Refusal
from metdc_collector.exchanges.kucoin import FUTURES, SPOT
from tests.unit.exchanges.examples import NOW, RECEIVED, converse, frame, instrument

BTC = instrument("kucoin", "spot", "BTC-USDT", "BTC")
ETH = instrument("kucoin", "spot", "ETH-USDT", "ETH")
TOKEN = "2neAiuYvAU61ZDXANAGAsiL4-iAExhsBXZxf_+/0=.mvnekBb8DJegZIgYLs2FBQ=="
SERVER: dict[str, Any] = {
    "endpoint": "wss://ws-api-spot.kucoin.com/",
    "encrypt": True,
    "protocol": "websocket",
    "pingInterval": 18000,
    "pingTimeout": 10000,
}


def handshake() -> Handshake:
    assert SPOT.handshake is not None
    return SPOT.handshake


def token_reply(*servers: object, **more: object) -> bytes:
    return frame({"code": "200000", "data": {"token": TOKEN, "instanceServers": list(servers)} | more})


# -- the address


@pytest.mark.parametrize("adapter", [SPOT, FUTURES])
def test_each_connection_asks_its_own_market_for_an_address(adapter: Any) -> None:
    request = adapter.handshake.request
    assert (request.method, request.path, request.weight) == ("POST", "/api/v1/bullet-public", 10)
    assert adapter.endpoints.web_socket == ""
    assert converse("kucoin", adapter.market).path() == ""


def test_the_address_is_the_endpoint_with_the_token_escaped_and_the_number_of_the_connection() -> None:
    address = handshake().address(token_reply(SERVER), 17)
    assert address.startswith("wss://ws-api-spot.kucoin.com/?token=2neAiuYvAU61ZDXANAGAsiL4-iAExhsBXZxf_%2B%2F0%3D.")
    assert parse_qs(urlsplit(address).query) == {"token": [TOKEN], "connectId": ["17"]}


def test_an_endpoint_of_2021_has_a_path() -> None:
    address = handshake().address(token_reply(SERVER | {"endpoint": "wss://push-private.kucoin.com/endpoint"}), 0)
    assert address.startswith("wss://push-private.kucoin.com/endpoint?token=")


@pytest.mark.parametrize(
    "useless",
    [
        None,
        5,
        {},
        {"endpoint": None},
        {"endpoint": ""},
        {"endpoint": "https://api.kucoin.com/"},
        {"endpoint": "wss://"},
        {"endpoint": "wss://["},
        {"endpoint": "wss://a b/"},
        {"endpoint": "wss://a/?token=x"},
        {"endpoint": "wss://a/#x"},
    ],
)
def test_the_first_server_that_can_be_used_is_taken(useless: object) -> None:
    address = handshake().address(token_reply(useless, SERVER, SERVER | {"endpoint": "wss://third/"}), 0)
    assert address.startswith("wss://ws-api-spot.kucoin.com/?")
    with pytest.raises(InvalidReply, match="the token reply names no server that can be used"):
        handshake().address(token_reply(useless), 0)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            b'{"code":"429000","msg":"Too many requests"}',
            "the venue gave no token: 'Too many requests' (code '429000')",
        ),
        (b'{"data":{}}', "the venue gave no token: None (code None)"),
        (b"<html>", "the token reply is not JSON: it begins with '<html>'"),
        (b"", "the token reply is not JSON: it begins with ''"),
        (b"[]", "the token reply is no JSON object: list"),
        (b'{"code":"200000"}', "the token reply names no token"),
        (b'{"code":"200000","data":{"token":5}}', "the token reply names no token"),
        (b'{"code":"200000","data":{"token":""}}', "the token reply names no token"),
        (b'{"code":"200000","data":{"token":"a"}}', "the token reply names no server that can be used"),
        (
            b'{"code":"200000","data":{"token":"a","instanceServers":{}}}',
            "the token reply names no server that can be used",
        ),
    ],
)
def test_a_reply_without_an_address_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidReply) as error:
        handshake().address(reply, 0)
    assert str(error.value) == message


# -- what is sent


def test_the_venue_speaks_first() -> None:
    assert SPOT.rhythm.greeting
    assert FUTURES.rhythm.greeting
    parsed = converse("kucoin", "spot").receive(b'{"id":"hQvf8jkno","type":"welcome"}', RECEIVED)
    assert (parsed.kind, parsed.greeting) == (Kind.CONTROL, True)


def test_a_subscription_names_its_symbols_in_one_topic_and_asks_for_an_answer() -> None:
    (command,) = converse("kucoin", "spot", BTC, ETH).subscribe(["BTC-USDT", "ETH-USDT"], NOW)
    assert json.loads(command.frame) == {
        "id": "1",
        "type": "subscribe",
        "topic": "/market/match:BTC-USDT,ETH-USDT",
        "privateChannel": False,
        "response": True,
    }
    assert (command.request, command.names) == (1, ("BTC-USDT", "ETH-USDT"))


def test_perpetuals_have_a_topic_of_their_own() -> None:
    (command,) = converse("kucoin", "futures").subscribe(["XBTUSDTM"], NOW)
    assert json.loads(command.frame)["topic"] == "/contractMarket/execution:XBTUSDTM"


def test_many_instruments_are_asked_for_in_batches_within_the_limit() -> None:
    names = [f"A{number}-USDT" for number in range(250)]
    commands = converse("kucoin", "spot").subscribe(names, NOW)
    assert [len(command.names) for command in commands] == [100, 100, 50]
    assert [json.loads(command.frame)["id"] for command in commands] == ["1", "2", "3"]
    assert [name for command in commands for name in command.names] == names


def test_a_connection_stays_below_the_lower_of_the_two_limits_that_are_told() -> None:
    assert SPOT.limits.symbols_per_connection < 300


def test_only_what_is_subscribed_is_given_up() -> None:
    conversation = converse("kucoin", "spot", BTC, ETH)
    conversation.subscribe(["BTC-USDT"], NOW)
    (command,) = conversation.unsubscribe(["BTC-USDT", "ETH-USDT"], NOW)
    message = json.loads(command.frame)
    assert (message["id"], message["type"], message["topic"]) == ("2", "unsubscribe", "/market/match:BTC-USDT")
    assert conversation.unsubscribe(["BTC-USDT"], NOW) == []


def test_the_heartbeat_is_a_ping_whose_number_is_no_requests() -> None:
    conversation = converse("kucoin", "spot", BTC)
    conversation.subscribe(["BTC-USDT"], NOW)
    assert json.loads(conversation.heartbeat(NOW)) == {"id": "1790001515500", "type": "ping"}
    parsed = conversation.receive(b'{"id":"1790001515500","type":"pong","timestamp":1790113097236506}', RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ())


def test_heartbeats_are_sent_as_often_as_the_venue_asks() -> None:
    assert (SPOT.rhythm.heartbeat, FUTURES.rhythm.heartbeat) == (18, 18)


# -- what the answers mean


def test_an_ack_confirms_the_instruments_of_its_request() -> None:
    conversation = converse("kucoin", "spot", BTC, ETH)
    conversation.subscribe(["BTC-USDT"], NOW)
    conversation.subscribe(["ETH-USDT"], NOW)
    parsed = conversation.receive(b'{"id":"2","type":"ack"}', RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ("ETH-USDT",))


@pytest.mark.parametrize("number", ['"99"', "null", '"p28"', '"' + "9" * 400 + '"', "[]", '"٣"'])
def test_an_ack_that_nobody_awaits_is_control_and_means_nothing(number: str) -> None:
    conversation = converse("kucoin", "spot", BTC)
    conversation.subscribe(["BTC-USDT"], NOW)
    parsed = conversation.receive(f'{{"id":{number},"type":"ack"}}'.encode(), RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.refused) == (Kind.CONTROL, (), ())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (404, "topic does not exist"),
        (400, "topic is invalid"),
        (403, "login is required"),
        (406, "topic is required"),
        (415, "command type is invalid"),
        (509, "exceed max subscription count limitation of 100 per time"),
    ],
)
def test_an_error_of_a_request_refuses_its_instruments_with_the_venues_words(code: int, words: str) -> None:
    conversation = converse("kucoin", "spot", BTC, ETH)
    conversation.subscribe(["BTC-USDT"], NOW)
    conversation.subscribe(["ETH-USDT"], NOW)
    parsed = conversation.receive(frame({"id": "1", "type": "error", "code": code, "data": words}), RECEIVED)
    reason = f"the venue refused: '{words}' (code {code})"
    assert (parsed.kind, parsed.refused, parsed.ending) == (Kind.CONTROL, [Refusal("BTC-USDT", reason)], None)


def test_an_error_with_a_number_that_was_never_sent_blames_nobody() -> None:
    conversation = converse("kucoin", "spot", BTC)
    conversation.subscribe(["BTC-USDT"], NOW)
    parsed = conversation.receive(b'{"id":"p28","type":"error","code":400,"data":"bad json"}', RECEIVED)
    assert (parsed.kind, parsed.refused, parsed.ending) == (Kind.CONTROL, (), None)
    assert parsed.reason == "the venue refused: 'bad json' (code 400)"


@pytest.mark.parametrize(
    ("code", "words", "ending"),
    [
        (401, "token is invalid", Ending.REFUSED),
        (509, "exceed max session count limitation of 50", Ending.REFUSED),
        (509, "exceed max permits per second", Ending.REFUSED),
        (509, None, Ending.REFUSED),
        (509, "service busy, please retry later", Ending.FAULT),
        (500, "internal error", Ending.FAULT),
        (400, "ping timeout", Ending.FAULT),
    ],
)
def test_an_error_of_the_connection_ends_it_and_refuses_nobody(code: int, words: str | None, ending: Ending) -> None:
    conversation = converse("kucoin", "spot", BTC)
    conversation.subscribe(["BTC-USDT"], NOW)
    parsed = conversation.receive(frame({"id": "1", "type": "error", "code": code, "data": words}), RECEIVED)
    assert (parsed.kind, parsed.ending, parsed.refused) == (Kind.CONTROL, ending, ())
    assert parsed.reason == f"the venue refused: {words!r} (code {code})"


@pytest.mark.parametrize(
    "message",
    [
        {"topic": "/market/ticker:COV-BTC", "type": "message", "subject": "trade.ticker", "data": {"sequence": "1"}},
        {"topic": "/market/level2:BTC-USDT", "type": "message", "subject": "trade.l2update", "data": {"changes": {}}},
        {"topic": "/market/candles:LTX-USDT_1min", "type": "message", "subject": "trade.candles.add", "data": {}},
        {"topic": "/contractMarket/execution:XBTUSDTM", "type": "message", "subject": "match", "data": {}},
    ],
)
def test_other_channels_are_passed_over_in_silence(message: object) -> None:
    parsed = converse("kucoin", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.OTHER, (), "")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"id": "1"},
        {"id": "1", "type": "maybe"},
        {"type": ["ack"], "id": "1"},
        {"type": "message"},
        {"type": "message", "topic": 5},
        {"type": "message", "topic": "market"},
        [],
        "pong",
        5,
        None,
    ],
)
def test_what_no_channel_sends_is_malformed_with_a_reason(message: object) -> None:
    parsed = converse("kucoin", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.trades) == (Kind.MALFORMED, (), ())
    assert parsed.reason


# -- the rest of the venue


def test_no_market_counts_its_trades() -> None:
    assert [channel.consecutive for adapter in (SPOT, FUTURES) for channel in adapter.channels] == [False, False]


@pytest.mark.parametrize(
    ("name", "symbol"), [("BTC-USDT", "BTC-USDT"), ("A-B-BTC", "A-B-BTC"), ("1000SATS-USDT", "SATS-USDT")]
)
def test_a_spot_name_alone_tells_base_and_quote(name: str, symbol: str) -> None:
    guess = SPOT.guess(name)
    assert guess is not None
    assert (guess.name, guess.symbol) == (name, symbol)


def test_a_futures_name_alone_tells_the_base_and_no_multiplier() -> None:
    guess = FUTURES.guess("XBTUSDTM")
    assert guess is not None
    assert (guess.symbol, guess.multiplier) == ("BTC-USDT", None)


@pytest.mark.parametrize("name", ["BTCUSDT", "-USDT", "BTC-", "A B-USDT", "A\n-USDT", ""])
def test_what_is_no_spot_name_tells_nothing(name: str) -> None:
    assert SPOT.guess(name) is None


@pytest.mark.parametrize("name", ["XBTUSDT", "XBTUSDM", "XBTMZ26", "USDTM", "M", ""])
def test_what_is_no_name_of_a_usdt_perpetual_tells_nothing(name: str) -> None:
    assert FUTURES.guess(name) is None
