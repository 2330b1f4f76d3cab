"""One connection to OKX: what is sent, and what the answers mean."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.base import Conversation, Ending, Kind, Parsed, Refusal
from metdc_collector.exchanges.okx import FUTURES, SPOT
from tests.unit.exchanges.examples import NOW, RECEIVED, converse, frame, instrument

BTC = instrument("okx", "spot", "BTC-USDT", "BTC")
ETH = instrument("okx", "spot", "ETH-USDT", "ETH")
UNKNOWN = (
    "Subscribe failed, wrong URL or channel:trades-all,instId:{} doesn't exist. "
    "Please use the correct URL, channel and parameters referring to API document."
)


def subscribed(*names: str) -> Conversation:
    """A connection that has asked for these instruments, all in one request."""
    conversation = converse("okx", "spot", BTC, ETH)
    conversation.subscribe(names, NOW)
    return conversation


def ack(name: str, number: str | None = "1", channel: str = "trades-all") -> bytes:
    echoed = {} if number is None else {"id": number}
    return frame(echoed | {"event": "subscribe", "arg": {"channel": channel, "instId": name}, "connId": "a4d3ae55"})


def error(code: str, words: str, **more: object) -> bytes:
    return frame({"event": "error", "msg": words, "code": code, "connId": "a4d3ae55"} | more)


def push(name: str, number: int) -> bytes:
    row = {"instId": name, "tradeId": str(number), "px": "1", "sz": "1", "side": "buy", "ts": "1790000000123"}
    return frame({"arg": {"channel": "trades-all", "instId": name}, "data": [row]})


def refused(parsed: Parsed) -> list[str]:
    assert all(refusal.reason == parsed.reason for refusal in parsed.refused)
    return [refusal.name for refusal in parsed.refused]


def test_single_fills_come_on_the_business_path() -> None:
    assert [channel.name for channel in SPOT.channels] == ["trades-all"]
    assert converse("okx", "spot").path() == "/ws/v5/business"
    assert SPOT.endpoints.web_socket == FUTURES.endpoints.web_socket == "wss://ws.okx.com:443"


def test_a_subscription_has_an_argument_for_each_instrument() -> None:
    (command,) = converse("okx", "spot", BTC, ETH).subscribe(["BTC-USDT", "ETH-USDT"], NOW)
    assert json.loads(command.frame) == {
        "id": "1",
        "op": "subscribe",
        "args": [{"channel": "trades-all", "instId": "BTC-USDT"}, {"channel": "trades-all", "instId": "ETH-USDT"}],
    }
    assert (command.request, command.names) == (1, ("BTC-USDT", "ETH-USDT"))


def test_the_channels_argument_is_what_a_subscription_holds() -> None:
    (command,) = converse("okx", "spot").subscribe(["BTC-USDT"], NOW)
    assert SPOT.channels[0].argument.format("BTC-USDT") in command.frame


def test_many_instruments_are_asked_for_in_batches() -> None:
    names = [f"A{number}-USDT" for number in range(150)]
    commands = converse("okx", "spot").subscribe(names, NOW)
    assert [(command.request, len(command.names)) for command in commands] == [(1, 100), (2, 50)]
    assert [name for command in commands for name in command.names] == names


def test_no_instruments_make_no_frame() -> None:
    assert converse("okx", "spot").subscribe([], NOW) == []


def test_only_what_is_subscribed_is_given_up() -> None:
    conversation = subscribed("BTC-USDT")
    (command,) = conversation.unsubscribe(["BTC-USDT", "ETH-USDT"], NOW)
    assert json.loads(command.frame) == {
        "id": "2",
        "op": "unsubscribe",
        "args": [{"channel": "trades-all", "instId": "BTC-USDT"}],
    }
    assert conversation.unsubscribe(["BTC-USDT"], NOW) == []


@pytest.mark.parametrize("number", ["1", None])
def test_each_instrument_is_acknowledged_by_itself(number: str | None) -> None:
    conversation = subscribed("BTC-USDT", "ETH-USDT")
    for name in ("ETH-USDT", "BTC-USDT"):
        parsed = conversation.receive(ack(name, number), RECEIVED)
        assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, (name,))


@pytest.mark.parametrize(
    "answer",
    [
        ack("XRP-USDT"),
        ack("BTC-USDT", channel="tickers"),
        frame({"event": "subscribe", "arg": {"channel": "trades-all", "instId": 5}}),
        frame({"event": "unsubscribe", "arg": {"channel": "trades-all", "instId": "BTC-USDT"}, "connId": "a4d3ae55"}),
        frame({"event": "channel-conn-count", "channel": "trades-all", "connCount": "1"}),
    ],
)
def test_an_answer_that_nobody_awaits_is_control_and_means_nothing(answer: bytes) -> None:
    parsed = subscribed("BTC-USDT").receive(answer, RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.refused) == (Kind.CONTROL, (), ())


def test_the_acknowledgement_of_what_was_given_up_means_nothing() -> None:
    conversation = subscribed("BTC-USDT")
    conversation.unsubscribe(["BTC-USDT"], NOW)
    assert conversation.receive(ack("BTC-USDT"), RECEIVED).acknowledged == ()


@pytest.mark.parametrize("more", [{}, {"id": "1"}])
@pytest.mark.parametrize("written", ["ETH-USDT", "trades-all.ETH-USDT"])
def test_an_error_refuses_the_instrument_that_it_names_alone(more: dict[str, str], written: str) -> None:
    conversation = subscribed("BTC-USDT", "ETH-USDT")
    words = UNKNOWN.format(written)
    parsed = conversation.receive(error("60018", words, **more), RECEIVED)
    assert parsed.kind is Kind.CONTROL
    assert parsed.refused == [Refusal("ETH-USDT", f"the venue refused: \"{words[:56]}... (code '60018')")]
    assert conversation.receive(ack("BTC-USDT"), RECEIVED).acknowledged == ("BTC-USDT",)
    assert conversation.unsubscribe(["ETH-USDT"], NOW) == []


def test_an_instrument_whose_name_holds_anothers_is_told_from_it() -> None:
    conversation = subscribed("BTC-USDT", "BTC-USDT-SWAP")
    parsed = conversation.receive(error("60018", UNKNOWN.format("BTC-USDT-SWAP")), RECEIVED)
    assert refused(parsed) == ["BTC-USDT-SWAP"]


def test_an_error_that_quotes_the_request_refuses_its_instruments() -> None:
    conversation = subscribed("BTC-USDT")
    conversation.subscribe(["ETH-USDT"], NOW)
    words = 'Invalid request: {"op":"subscribe","argss":[{"channel":"trades-all","instId":"BTC-USDT"}]}'
    assert refused(conversation.receive(error("60012", words), RECEIVED)) == ["BTC-USDT"]


@pytest.mark.parametrize("code", ["60008", "60012", "60013", "60018", "60019", "64001", "64002"])
def test_an_error_that_names_no_instrument_refuses_what_is_unanswered_of_its_request(code: str) -> None:
    conversation = subscribed("BTC-USDT", "XRP-USDT", "ADA-USDT")
    conversation.subscribe(["ETH-USDT"], NOW)
    conversation.receive(ack("BTC-USDT"), RECEIVED)
    parsed = conversation.receive(error(code, "Invalid args", id="1"), RECEIVED)
    assert refused(parsed) == ["ADA-USDT", "XRP-USDT"]
    assert parsed.reason == f"the venue refused: 'Invalid args' (code '{code}')"


def test_an_error_without_a_number_belongs_to_the_one_request_that_is_open() -> None:
    conversation = subscribed("BTC-USDT")
    conversation.receive(ack("BTC-USDT"), RECEIVED)
    conversation.subscribe(["ETH-USDT"], NOW)
    assert refused(conversation.receive(error("60013", "Invalid args"), RECEIVED)) == ["ETH-USDT"]


@pytest.mark.parametrize(
    "more", [{}, {"id": "3"}, {"id": "9"}, {"id": ""}, {"id": 1}, {"id": ["1"]}, {"msg": None}, {"code": 60014}]
)
def test_an_error_that_could_be_any_requests_blames_none(more: dict[str, Any]) -> None:
    conversation = subscribed("BTC-USDT")
    conversation.subscribe(["ETH-USDT"], NOW)
    conversation.unsubscribe(["BTC-USDT"], NOW)
    parsed = conversation.receive(frame({"event": "error", "msg": "Invalid args", "code": "60013"} | more), RECEIVED)
    assert (parsed.kind, parsed.refused, parsed.ending) == (Kind.CONTROL, [], None)
    assert parsed.reason


@pytest.mark.parametrize(("code", "ending"), [("60014", Ending.REFUSED), ("64007", Ending.FAULT)])
def test_errors_that_are_no_instruments_fault_end_the_connection(code: str, ending: Ending) -> None:
    parsed = subscribed("BTC-USDT").receive(error(code, "Requests too frequent", id="1"), RECEIVED)
    assert (parsed.kind, parsed.ending, parsed.refused) == (Kind.CONTROL, ending, ())
    assert parsed.reason == f"the venue refused: 'Requests too frequent' (code '{code}')"


def test_an_announced_service_upgrade_is_a_planned_end() -> None:
    notice = {"event": "notice", "code": "64008", "msg": "The connection will soon be closed.", "connId": "a4d3ae55"}
    parsed = subscribed("BTC-USDT").receive(frame(notice), RECEIVED)
    assert (parsed.kind, parsed.ending) == (Kind.CONTROL, Ending.PLANNED)
    assert parsed.reason == "the venue announced: 'The connection will soon be closed.' (code '64008')"


def test_any_other_notice_is_only_told() -> None:
    parsed = subscribed("BTC-USDT").receive(frame({"event": "notice", "code": "1", "msg": "hello"}), RECEIVED)
    assert (parsed.kind, parsed.ending, parsed.reason) == (
        Kind.CONTROL,
        None,
        "the venue announced: 'hello' (code '1')",
    )


def test_the_heartbeat_is_bare_text_and_so_is_its_answer() -> None:
    conversation = converse("okx", "spot", BTC)
    assert conversation.heartbeat(NOW) == "ping"
    parsed = conversation.receive(b"pong", RECEIVED)
    assert (parsed.kind, parsed.reason) == (Kind.CONTROL, "")


def test_heartbeats_are_far_more_frequent_than_the_venues_patience() -> None:
    for adapter in (SPOT, FUTURES):
        assert adapter.rhythm.heartbeat is not None
        assert adapter.rhythm.heartbeat * 2 < adapter.rhythm.silence < 30


def test_close_codes_of_broken_limits_are_refusals_and_others_are_not() -> None:
    for adapter in (SPOT, FUTURES):
        assert {1008, 1009, 4003, 4008, 4009} <= adapter.limits.refusing
        assert adapter.limits.refusing.isdisjoint({1000, 1001, 1006, 4004, 4005, 4006})


def test_the_arguments_of_a_full_connection_stay_below_the_venues_64_kb() -> None:
    assert SPOT.limits.argument_bytes is not None
    assert SPOT.limits.argument_bytes <= 64_000
    assert SPOT.limits.symbols_per_connection * len(SPOT.channels[0].argument.format("X" * 100)) < 64_000


def test_the_first_trade_after_an_acknowledgement_may_have_been_sent_before() -> None:
    conversation = subscribed("BTC-USDT", "ETH-USDT")
    conversation.receive(ack("BTC-USDT"), RECEIVED)
    assert conversation.receive(push("BTC-USDT", 5), RECEIVED).replayed is True
    conversation.receive(ack("ETH-USDT"), RECEIVED)
    assert conversation.receive(push("BTC-USDT", 6), RECEIVED).replayed is False
    assert conversation.receive(push("ETH-USDT", 9), RECEIVED).replayed is True
    assert conversation.receive(push("ETH-USDT", 10), RECEIVED).replayed is False


def test_a_trade_that_overtakes_its_acknowledgement_may_have_been_sent_before_and_so_may_the_next() -> None:
    conversation = subscribed("BTC-USDT")
    assert conversation.receive(push("BTC-USDT", 5), RECEIVED).replayed is True
    conversation.receive(ack("BTC-USDT"), RECEIVED)
    assert conversation.receive(push("BTC-USDT", 6), RECEIVED).replayed is True
    assert conversation.receive(push("BTC-USDT", 7), RECEIVED).replayed is False


def test_a_subscription_that_is_renewed_begins_with_a_trade_that_may_have_been_sent_before() -> None:
    conversation = subscribed("BTC-USDT")
    conversation.receive(ack("BTC-USDT"), RECEIVED)
    conversation.receive(push("BTC-USDT", 5), RECEIVED)
    conversation.unsubscribe(["BTC-USDT"], NOW)
    conversation.receive(push("BTC-USDT", 6), RECEIVED)
    conversation.subscribe(["BTC-USDT"], NOW)
    conversation.receive(ack("BTC-USDT", "3"), RECEIVED)
    assert conversation.receive(push("BTC-USDT", 6), RECEIVED).replayed is True


def test_a_frame_without_a_healthy_trade_is_not_the_first() -> None:
    conversation = subscribed("BTC-USDT")
    empty = {"arg": {"channel": "trades-all", "instId": "BTC-USDT"}, "data": []}
    parsed = conversation.receive(frame(empty), RECEIVED)
    assert (parsed.kind, list(parsed.trades), parsed.replayed) == (Kind.TRADE, [], False)
    assert conversation.receive(frame(empty | {"data": [5]}), RECEIVED).replayed is False
    assert conversation.receive(push("BTC-USDT", 5), RECEIVED).replayed is True


@pytest.mark.parametrize("channel", ["tickers", "books", "books50-l2-tbt", "candle1D", "mark-price"])
def test_other_channels_are_passed_over_in_silence(channel: str) -> None:
    message = {"arg": {"channel": channel, "instId": "BTC-USDT"}, "action": "update", "data": [{"asks": []}]}
    parsed = converse("okx", "spot", BTC).receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.OTHER, (), "")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"hello": "world"},
        {"data": []},
        {"arg": {"channel": "trades-all", "instId": "BTC-USDT"}},
        {"arg": {"channel": "trades-all", "instId": "BTC-USDT"}, "data": {}},
        {"arg": {"channel": "", "instId": "BTC-USDT"}, "data": []},
        {"arg": {"channel": ["trades"], "instId": "BTC-USDT"}, "data": []},
        {"arg": {"instId": "BTC-USDT"}, "data": []},
        {"arg": "trades-all", "data": []},
        {"event": None},
        {"event": "a b"},
        {"event": ["error"]},
        {"event": "subscribe"},
        [],
        "pong",
        5,
        None,
    ],
)
def test_what_no_channel_sends_is_malformed_with_a_reason(message: object) -> None:
    parsed = subscribed("BTC-USDT").receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.acknowledged) == (Kind.MALFORMED, (), ())
    assert parsed.reason


@pytest.mark.parametrize("data", [b"ping", b"pong ", b"", b"\xff"])
def test_other_text_that_is_no_json_is_malformed(data: bytes) -> None:
    assert converse("okx", "spot").receive(data, RECEIVED).kind is Kind.MALFORMED


def test_a_spot_name_alone_tells_base_and_quote() -> None:
    guess = SPOT.guess("BTC-USDC")
    assert guess is not None
    assert (guess.name, guess.market, guess.symbol, guess.multiplier) == ("BTC-USDC", "spot", "BTC-USDC", None)


def test_a_futures_name_alone_tells_base_and_quote_and_not_the_coins_of_a_contract() -> None:
    guess = FUTURES.guess("1000CAT-USDT-SWAP")
    assert guess is not None
    assert (guess.symbol, guess.unit_factor, guess.multiplier) == ("CAT-USDT", "1000", None)


@pytest.mark.parametrize("name", ["BTC-USDT-SWAP", "BTC-USD-220527", "BTC", "BTC-", "-USDT", "A\n-USDT", ""])
def test_what_is_no_spot_name_tells_nothing(name: str) -> None:
    assert SPOT.guess(name) is None


@pytest.mark.parametrize("name", ["BTC-USDT", "UNI-USD-SWAP", "BTC-USDC-SWAP", "-USDT-SWAP", "BTC-USDT-220527", ""])
def test_what_is_no_name_of_a_usdt_perpetual_tells_nothing(name: str) -> None:
    assert FUTURES.guess(name) is None
