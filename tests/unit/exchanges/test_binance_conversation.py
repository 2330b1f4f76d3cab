"""One connection to Binance: what is sent, and what the answers mean."""

import json

import pytest

from metdc_collector.exchanges.base import Ending, Kind, Refusal
from metdc_collector.exchanges.binance import FUTURES, SPOT
from tests.unit.exchanges.examples import NOW, RECEIVED, converse, frame, instrument

BTC = instrument("binance", "spot", "BTCUSDT", "BTC")
ETH = instrument("binance", "spot", "ETHUSDT", "ETH")


def test_spot_streams_come_on_one_path() -> None:
    assert converse("binance", "spot", BTC).path() == "/stream"


def test_raw_trades_of_futures_come_on_the_public_path_and_aggregates_on_the_market_path() -> None:
    assert [channel.name for channel in FUTURES.channels] == ["trade", "aggTrade"]
    assert converse("binance", "futures", channel=0).path() == "/public/stream"
    assert converse("binance", "futures", channel=1).path() == "/market/stream"


def test_a_subscription_names_lower_case_streams() -> None:
    (command,) = converse("binance", "spot", BTC, ETH).subscribe(["BTCUSDT", "ETHUSDT"], NOW)
    assert json.loads(command.frame) == {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "ethusdt@trade"], "id": 1}
    assert (command.request, command.names) == (1, ("BTCUSDT", "ETHUSDT"))


def test_a_subscription_to_aggregates_names_their_streams() -> None:
    (command,) = converse("binance", "futures", channel=1).subscribe(["BTCUSDT"], NOW)
    assert json.loads(command.frame)["params"] == ["btcusdt@aggTrade"]


def test_a_name_outside_ascii_is_sent_as_it_is() -> None:
    (command,) = converse("binance", "spot").subscribe(["币安人生USDT"], NOW)
    assert '"币安人生usdt@trade"' in command.frame


def test_many_instruments_are_asked_for_in_batches_within_the_limit() -> None:
    names = [f"A{number}USDT" for number in range(250)]
    commands = converse("binance", "spot").subscribe(names, NOW)
    assert [len(command.names) for command in commands] == [100, 100, 50]
    assert [command.request for command in commands] == [1, 2, 3]
    assert [name for command in commands for name in command.names] == names
    assert max(len(command.frame) for command in commands) < 4096


def test_no_instruments_make_no_frame() -> None:
    assert converse("binance", "spot").subscribe([], NOW) == []


def test_only_what_is_subscribed_is_given_up() -> None:
    conversation = converse("binance", "spot", BTC, ETH)
    conversation.subscribe(["BTCUSDT"], NOW)
    (command,) = conversation.unsubscribe(["BTCUSDT", "ETHUSDT"], NOW)
    assert json.loads(command.frame) == {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 2}
    assert conversation.unsubscribe(["BTCUSDT"], NOW) == []


def test_an_ack_confirms_the_instruments_of_its_request() -> None:
    conversation = converse("binance", "spot", BTC, ETH)
    conversation.subscribe(["BTCUSDT"], NOW)
    conversation.subscribe(["ETHUSDT"], NOW)
    parsed = conversation.receive(b'{"result":null,"id":2}', RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ("ETHUSDT",))


@pytest.mark.parametrize(
    "answer",
    [
        '{"result":null,"id":99}',
        '{"result":["btcusdt@trade"],"id":3}',
        '{"result":true,"id":0}',
        '{"result":null,"id":null}',
        '{"result":null,"id":"abc"}',
    ],
)
def test_an_answer_that_nobody_awaits_is_control_and_means_nothing(answer: str) -> None:
    conversation = converse("binance", "spot", BTC)
    conversation.subscribe(["BTCUSDT"], NOW)
    parsed = conversation.receive(answer.encode(), RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.refused) == (Kind.CONTROL, (), ())


@pytest.mark.parametrize(
    "answer",
    [
        '{"code":2,"msg":"Invalid request: too many parameters","id":1}',
        '{"code":2,"msg":"Invalid request: too many parameters"}',
        '{"error":{"code":2,"msg":"Invalid request: too many parameters"},"id":1}',
    ],
)
def test_an_error_refuses_the_instruments_of_its_request(answer: str) -> None:
    conversation = converse("binance", "spot", BTC)
    conversation.subscribe(["BTCUSDT"], NOW)
    parsed = conversation.receive(answer.encode(), RECEIVED)
    reason = "the venue refused: 'Invalid request: too many parameters' (code 2)"
    assert (parsed.kind, parsed.refused) == (Kind.CONTROL, [Refusal("BTCUSDT", reason)])


def test_the_heartbeat_asks_what_is_cheap_to_answer() -> None:
    heartbeat = json.loads(converse("binance", "futures").heartbeat(NOW))
    assert heartbeat == {"method": "GET_PROPERTY", "params": ["combined"], "id": 0}


def test_spot_is_pinged_by_the_venue_and_futures_ask_themselves() -> None:
    assert SPOT.rhythm.heartbeat is None
    assert FUTURES.rhythm.heartbeat == 20


@pytest.mark.parametrize(
    "notice",
    [
        '{"e":"serverShutdown","E":1770123456789}',
        '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
    ],
)
def test_an_announced_shutdown_is_a_planned_end(notice: str) -> None:
    parsed = converse("binance", "spot", BTC).receive(notice.encode(), RECEIVED)
    assert (parsed.kind, parsed.ending) == (Kind.CONTROL, Ending.PLANNED)
    assert "serverShutdown" in parsed.reason


@pytest.mark.parametrize(
    "message",
    [
        {"stream": "nknusdt@bookTicker", "data": {"u": 1, "s": "NKNUSDT", "b": "1", "B": "2", "a": "3", "A": "4"}},
        {"stream": "nknusdt@depth@100ms", "data": {"e": "depthUpdate", "s": "NKNUSDT", "b": [], "a": []}},
        {"stream": "nknusdt@kline_1m", "data": {"e": "kline", "k": {}}},
        {"stream": "nknusdt@depth5", "data": {"lastUpdateId": 1, "bids": [], "asks": []}},
        {"stream": "!miniTicker@arr", "data": [{"e": "24hrMiniTicker"}]},
        {"u": 1, "s": "NKNUSDT", "b": "1", "B": "2", "a": "3", "A": "4"},
        {"lastUpdateId": 1, "bids": [], "asks": []},
        {"e": "24hrTicker", "s": "BTCUSDT"},
        {"e": "blockTrade", "s": "BTCUSDT", "t": 5},
        [{"e": "24hrMiniTicker"}, {"e": "24hrMiniTicker"}],
    ],
)
def test_other_channels_are_passed_over_in_silence(message: object) -> None:
    parsed = converse("binance", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.OTHER, (), "")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"hello": "world"},
        {"e": 5, "s": "BTCUSDT"},
        {"e": "", "s": "BTCUSDT"},
        {"error": "no"},
        {"result": None},
        {"stream": "btcusdt@trade"},
        {"data": {"e": "trade"}},
        {"stream": 5, "data": {"e": "trade"}},
        {"stream": "btcusdt@trade", "data": "x"},
        {"stream": "btcusdt@trade", "data": [{"e": "trade"}]},
        {"stream": "btcusdt@trade", "data": {"e": "kline"}},
        {"stream": "!serverShutdown", "data": {"e": "kline"}},
        [],
        [5],
        [{"e": "24hrTicker"}, {"e": "trade"}],
        "text",
        5,
        None,
    ],
)
def test_what_no_channel_sends_is_malformed_with_a_reason(message: object) -> None:
    parsed = converse("binance", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades) == (Kind.MALFORMED, ())
    assert parsed.reason


@pytest.mark.parametrize(
    ("name", "symbol"), [("BTCUSDT", "BTC-USDT"), ("LRCBTC", "LRC-BTC"), ("1000SATSUSDT", "SATS-USDT")]
)
def test_a_name_alone_tells_base_and_quote(name: str, symbol: str) -> None:
    guess = SPOT.guess(name)
    assert guess is not None
    assert (guess.name, guess.symbol) == (name, symbol)


@pytest.mark.parametrize("name", ["BTCUSDT_210924", "USDT", "btcusdt", "A\nUSDT", ""])
def test_a_name_without_a_known_quote_tells_nothing(name: str) -> None:
    assert FUTURES.guess(name) is None
