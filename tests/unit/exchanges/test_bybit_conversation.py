"""One connection to Bybit: what is sent, and what the answers mean."""

import json
from collections.abc import Sequence

import pytest

from metdc_collector.continuity import share_out
from metdc_collector.exchanges.base import Command, Conversation, Kind, Parsed, Refusal
from metdc_collector.exchanges.bybit import FUTURES, SPOT
from tests.unit.exchanges.examples import NOW, RECEIVED, converse, frame

NAMES = ["AUSDT", "BUSDT", "CUSDT", "DUSDT", "EUSDT"]


def asked(commands: Sequence[Command]) -> list[tuple[str, ...]]:
    return [command.names for command in commands]


def accept(conversation: Conversation, number: int | str, words: str = "") -> Parsed:
    message = {"success": True, "ret_msg": words, "conn_id": "cf71", "req_id": str(number), "op": "subscribe"}
    return conversation.receive(frame(message), RECEIVED)


def reject(conversation: Conversation, number: int | str, words: object) -> Parsed:
    message = {"success": False, "ret_msg": words, "conn_id": "cf71", "req_id": str(number), "op": "subscribe"}
    return conversation.receive(frame(message), RECEIVED)


def unknown(name: str) -> str:
    return f"error:handler not found,topic:publicTrade.{name}"


def test_each_market_has_a_path_of_its_own() -> None:
    assert converse("bybit", "spot").path() == "/v5/public/spot"
    assert converse("bybit", "futures").path() == "/v5/public/linear"


def test_a_subscription_names_topics_and_its_number_as_text() -> None:
    (command,) = converse("bybit", "futures").subscribe(["BTCUSDT", "SHIB1000USDT"], NOW)
    topics = ["publicTrade.BTCUSDT", "publicTrade.SHIB1000USDT"]
    assert json.loads(command.frame) == {"req_id": "1", "op": "subscribe", "args": topics}
    assert (command.request, command.names) == (1, ("BTCUSDT", "SHIB1000USDT"))


@pytest.mark.parametrize(("market", "sizes"), [("spot", [10] * 60), ("futures", [500, 100])])
def test_a_request_has_at_most_ten_topics_on_spot_and_five_hundred_on_linear(market: str, sizes: list[int]) -> None:
    names = [f"A{number}USDT" for number in range(600)]
    commands = converse("bybit", market).subscribe(names, NOW)
    assert [len(command.names) for command in commands] == sizes
    assert [name for command in commands for name in command.names] == names


def test_no_instruments_make_no_frame() -> None:
    assert converse("bybit", "spot").subscribe([], NOW) == []


def test_the_topics_of_a_connection_stay_below_the_venues_length() -> None:
    names = [f"COIN{number:05}USDT" for number in range(2000)]
    shares = share_out(names, FUTURES.limits, FUTURES.channels[0])
    texts = [json.dumps([f"publicTrade.{name}" for name in share], separators=(",", ":")) for share in shares]
    assert 15_000 < max(len(text) for text in texts) < 20_100


def test_only_what_is_subscribed_is_given_up() -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["BTCUSDT"], NOW)
    (command,) = conversation.unsubscribe(["BTCUSDT", "ETHUSDT"], NOW)
    assert json.loads(command.frame) == {"req_id": "2", "op": "unsubscribe", "args": ["publicTrade.BTCUSDT"]}
    ack = b'{"success":true,"ret_msg":"","conn_id":"cf71cb32","req_id":"2","op":"unsubscribe"}'
    parsed = conversation.receive(ack, RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ())


@pytest.mark.parametrize(("market", "words"), [("spot", "subscribe"), ("futures", "")])
def test_an_ack_confirms_the_instruments_of_its_request(market: str, words: str) -> None:
    conversation = converse("bybit", market)
    conversation.subscribe(["BTCUSDT"], NOW)
    conversation.subscribe(["ETHUSDT"], NOW)
    parsed = accept(conversation, 2, words)
    assert (parsed.kind, parsed.acknowledged, parsed.commands) == (Kind.CONTROL, ("ETHUSDT",), ())


@pytest.mark.parametrize("number", ["99", "", "t1", "1.0", "٣", "9" * 50])
def test_an_ack_that_nobody_awaits_means_nothing(number: str) -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["BTCUSDT"], NOW)
    parsed = accept(conversation, number)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ())


def test_an_unknown_topic_is_refused_and_the_rest_of_its_request_asked_for_again_at_once() -> None:
    conversation = converse("bybit", "futures")
    conversation.subscribe(NAMES[:3], NOW)
    conversation.subscribe(NAMES[3:], NOW)
    parsed = reject(conversation, "", unknown("BUSDT"))
    reason = "the venue refused: 'error:handler not found,topic:publicTrade.BUSDT'"
    assert (parsed.kind, parsed.refused, parsed.acknowledged) == (Kind.CONTROL, [Refusal("BUSDT", reason)], ())
    (command,) = parsed.commands
    assert json.loads(command.frame)["args"] == ["publicTrade.AUSDT", "publicTrade.CUSDT"]
    assert accept(conversation, 2).acknowledged == ("DUSDT", "EUSDT")
    assert accept(conversation, command.request).acknowledged == ("AUSDT", "CUSDT")


def test_unknown_topics_are_found_one_after_the_other() -> None:
    conversation = converse("bybit", "futures")
    conversation.subscribe(NAMES, NOW)
    first = reject(conversation, "", unknown("EUSDT"))
    second = reject(conversation, "", unknown("AUSDT"))
    assert [refusal.name for parsed in (first, second) for refusal in parsed.refused] == ["EUSDT", "AUSDT"]
    assert asked(second.commands) == [("BUSDT", "CUSDT", "DUSDT")]


def test_a_rejection_with_its_number_is_matched_by_it() -> None:
    conversation = converse("bybit", "futures")
    conversation.subscribe(NAMES[:2], NOW)
    conversation.subscribe(NAMES[2:], NOW)
    parsed = reject(conversation, 2, unknown("CUSDT"))
    assert [refusal.name for refusal in parsed.refused] == ["CUSDT"]
    assert asked(parsed.commands) == [("DUSDT", "EUSDT")]


def test_several_topics_may_be_named_and_none_be_left() -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(NAMES[:2], NOW)
    parsed = reject(conversation, "", "error:topics [publicTrade.AUSDT,publicTrade.BUSDT] are unknown")
    assert [refusal.name for refusal in parsed.refused] == ["AUSDT", "BUSDT"]
    assert parsed.commands == ()


def test_an_instrument_alone_in_its_request_is_refused() -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["AUSDT"], NOW)
    parsed = reject(conversation, 1, "args size >10")
    assert (parsed.refused, parsed.commands) == ([Refusal("AUSDT", "the venue refused: 'args size >10'")], ())


@pytest.mark.parametrize("number", [1, ""])
def test_a_rejection_that_names_no_topic_is_asked_again_in_two_halves_one_after_the_other(number: int | str) -> None:
    conversation = converse("bybit", "futures")
    conversation.subscribe(NAMES, NOW)
    parsed = reject(conversation, number, "error:bad topic")
    assert (parsed.refused, asked(parsed.commands)) == ([], [("AUSDT", "BUSDT", "CUSDT")])
    parsed = accept(conversation, 2)
    assert (parsed.acknowledged, asked(parsed.commands)) == (("AUSDT", "BUSDT", "CUSDT"), [("DUSDT", "EUSDT")])
    parsed = accept(conversation, 3)
    assert (parsed.acknowledged, parsed.commands) == (("DUSDT", "EUSDT"), ())


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("bad", [{"AUSDT"}, {"CUSDT"}, {"EUSDT"}, {"AUSDT", "DUSDT"}, set(NAMES), set()])
def test_halving_finds_each_unknown_topic_and_keeps_all_others(bad: set[str], numbered: bool) -> None:
    conversation = converse("bybit", "futures")
    commands: Sequence[Command] = conversation.subscribe(NAMES, NOW)
    refused: list[str] = []
    streaming: list[str] = []
    while commands:
        (command,) = commands
        healthy = bad.isdisjoint(command.names)
        if healthy:
            parsed = accept(conversation, command.request)
        else:
            parsed = reject(conversation, command.request if numbered else "", "error:bad topic")
        streaming += parsed.acknowledged
        refused += [refusal.name for refusal in parsed.refused]
        commands = parsed.commands
    assert (sorted(refused), sorted(streaming)) == (sorted(bad), sorted(set(NAMES) - bad))


def test_what_was_given_up_meanwhile_is_not_asked_for_again() -> None:
    conversation = converse("bybit", "futures")
    conversation.subscribe(NAMES, NOW)
    reject(conversation, 1, "error:bad topic")
    assert conversation.unsubscribe(["DUSDT"], NOW) == []
    assert asked(accept(conversation, 2).commands) == [("EUSDT",)]
    reject(conversation, 3, "error:bad topic")
    conversation.subscribe(NAMES[:2], NOW)
    reject(conversation, 4, "error:bad topic")
    conversation.unsubscribe(["BUSDT"], NOW)
    assert accept(conversation, 5).commands == ()


def test_an_error_that_names_nothing_belongs_to_the_only_open_request() -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["AUSDT"], NOW)
    conversation.subscribe(["BUSDT"], NOW)
    nameless = b'{"success":false,"ret_msg":"error:busy","conn_id":"cf71"}'
    assert conversation.receive(nameless, RECEIVED).refused == ()
    accept(conversation, 1)
    (refusal,) = conversation.receive(nameless, RECEIVED).refused
    assert refusal.name == "BUSDT"


@pytest.mark.parametrize("words", [None, 5, ["publicTrade.AUSDT"], {"a": 1}])
def test_an_error_without_words_is_still_an_error(words: object) -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["AUSDT"], NOW)
    assert [refusal.name for refusal in reject(conversation, "", words).refused] == ["AUSDT"]


def test_a_topic_that_is_not_ours_blames_none_of_several_requests() -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["AUSDT"], NOW)
    conversation.subscribe(["BUSDT"], NOW)
    parsed = reject(conversation, "", unknown("XUSDT"))
    assert (parsed.kind, parsed.refused, parsed.commands) == (Kind.CONTROL, (), ())


def test_a_rejection_at_the_end_of_a_subscription_refuses_none() -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(NAMES[:2], NOW)
    accept(conversation, 1)
    conversation.unsubscribe(NAMES[:2], NOW)
    parsed = reject(conversation, "", unknown("AUSDT"))
    assert (parsed.kind, parsed.refused, parsed.commands) == (Kind.CONTROL, (), ())


def test_the_heartbeat_is_a_json_ping_every_20_seconds() -> None:
    for adapter in (SPOT, FUTURES):
        assert adapter.rhythm.heartbeat == 20
    assert json.loads(converse("bybit", "spot").heartbeat(NOW)) == {"op": "ping"}


@pytest.mark.parametrize(
    "pong",
    [
        b'{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}',
        b'{"success":true,"ret_msg":"pong","conn_id":"0970e817","req_id":"1","op":"ping"}',
        b'{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"0970e817"}',
    ],
)
def test_pongs_of_every_shape_are_control_and_acknowledge_nothing(pong: bytes) -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["AUSDT"], NOW)
    parsed = conversation.receive(pong, RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.refused) == (Kind.CONTROL, (), ())


@pytest.mark.parametrize(
    "message",
    [
        {"topic": "tickers.BTCUSDT", "type": "snapshot", "data": {"lastPrice": "1"}, "cs": 1, "ts": 1790000486868},
        {"topic": "orderbook.50.BTCUSDT", "type": "delta", "ts": 1790000486868, "data": {"s": "BTCUSDT", "b": []}},
        {"topic": "kline.1.BTCUSDT", "type": "snapshot", "ts": 1790000486868, "data": []},
        {"topic": "allLiquidation.币USDT", "type": "snapshot", "ts": 1790000486868, "data": []},
    ],
)
def test_other_channels_are_passed_over_in_silence(message: object) -> None:
    parsed = converse("bybit", "spot").receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.OTHER, (), "")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"hello": "world"},
        {"topic": None, "data": []},
        {"topic": ["publicTrade.BTCUSDT"], "data": []},
        {"topic": "", "data": []},
        {"topic": "publicTrade", "data": []},
        {"topic": "tickers.BTC USDT", "data": []},
        {"topic": "tickers.BTCUSDT"},
        {"success": True, "op": "auth"},
        {"success": True},
        {"op": "subscribe", "req_id": "1"},
        {"success": "true", "op": "subscribe", "req_id": "1"},
        {"success": 0, "op": "subscribe", "req_id": "1"},
        [],
        "pong",
        5,
        None,
    ],
)
def test_what_no_channel_sends_is_malformed_with_a_reason(message: object) -> None:
    conversation = converse("bybit", "spot")
    conversation.subscribe(["BTCUSDT"], NOW)
    parsed = conversation.receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.acknowledged, parsed.refused) == (Kind.MALFORMED, (), (), ())
    assert parsed.reason


@pytest.mark.parametrize(
    ("name", "symbol"), [("BTCUSDT", "BTC-USDT"), ("ETHBTC", "ETH-BTC"), ("USDEUSDT", "USDE-USDT")]
)
def test_a_spot_name_alone_tells_base_and_quote(name: str, symbol: str) -> None:
    guess = SPOT.guess(name)
    assert guess is not None
    assert (guess.name, guess.symbol) == (name, symbol)


@pytest.mark.parametrize("name", ["1000PEPEUSDT", "PEPE1000USDT"])
def test_a_futures_name_alone_tells_its_unit(name: str) -> None:
    guess = FUTURES.guess(name)
    assert guess is not None
    assert (guess.symbol, guess.unit_factor) == ("PEPE-USDT", "1000")


@pytest.mark.parametrize("name", ["BTCPERP", "BTCUSDT-26DEC25", "USDT", "A\nUSDT", ""])
def test_what_is_no_name_of_a_usdt_perpetual_tells_nothing(name: str) -> None:
    assert FUTURES.guess(name) is None
