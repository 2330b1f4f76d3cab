"""One connection to Gate: what is sent, and what the answers mean."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.base import Conversation, Ending, Kind, Parsed, Refusal
from metdc_collector.exchanges.gate import FUTURES, SPOT
from tests.unit.exchanges.examples import NOW, RECEIVED, converse, frame, instrument

SECONDS = 1790001515
BTC = instrument("gate", "spot", "BTC_USDT", "BTC")
ETH = instrument("gate", "spot", "ETH_USDT", "ETH")
UPGRADE = {
    "type": "upgrade",
    "msg": "The connection will soon be closed for a service upgrade. Please reconnect.",
}


def answer(**more: Any) -> bytes:
    ack = {"time": SECONDS, "channel": "spot.trades", "event": "subscribe", "result": {"status": "success"}}
    return frame(ack | more)


def failed(words: object, code: int = 2, **more: Any) -> bytes:
    return answer(error={"code": code, "message": words}, result={"status": "fail"}, **more)


def subscribed(*names: str) -> Conversation:
    conversation = converse("gate", "spot", BTC, ETH)
    conversation.subscribe(names, NOW)
    return conversation


def asked(parsed: Parsed) -> list[list[str]]:
    """What the commands of a frame ask for."""
    payloads = []
    for command in parsed.commands:
        message = json.loads(command.frame)
        assert (message["event"], message["id"], message["time"]) == ("subscribe", command.request, SECONDS)
        assert list(command.names) == message["payload"]
        payloads.append(message["payload"])
    return payloads


def test_each_market_has_its_path_and_channel() -> None:
    assert converse("gate", "spot").path() == "/ws/v4/"
    assert converse("gate", "futures").path() == "/v4/ws/usdt"
    assert [(each.name, each.consecutive) for each in SPOT.channels] == [("spot.trades", True)]
    assert [(each.name, each.consecutive) for each in FUTURES.channels] == [("futures.trades", False)]


def test_sizes_of_futures_are_asked_for_as_text() -> None:
    assert FUTURES.headers == {"X-Gate-Size-Decimal": "1"}
    assert SPOT.headers == {}


def test_a_subscription_names_its_pairs_and_the_time_in_seconds() -> None:
    (command,) = converse("gate", "spot").subscribe(["BTC_USDT", "ETH_USDT"], NOW)
    assert json.loads(command.frame) == {
        "time": SECONDS,
        "id": 1,
        "channel": "spot.trades",
        "event": "subscribe",
        "payload": ["BTC_USDT", "ETH_USDT"],
    }
    assert (command.request, command.names) == (1, ("BTC_USDT", "ETH_USDT"))


def test_contracts_have_a_channel_of_their_own_and_names_outside_ascii() -> None:
    (command,) = converse("gate", "futures").subscribe(["币安人生_USDT"], NOW)
    assert json.loads(command.frame)["channel"] == "futures.trades"
    assert '"币安人生_USDT"' in command.frame


def test_many_instruments_are_asked_for_in_batches() -> None:
    names = [f"A{number}_USDT" for number in range(250)]
    commands = converse("gate", "spot").subscribe(names, NOW)
    assert [(command.request, len(command.names)) for command in commands] == [(1, 100), (2, 100), (3, 50)]
    assert [name for command in commands for name in command.names] == names


def test_only_what_is_subscribed_is_given_up() -> None:
    conversation = subscribed("BTC_USDT")
    (command,) = conversation.unsubscribe(["BTC_USDT", "ETH_USDT"], NOW)
    assert json.loads(command.frame) == {
        "time": SECONDS,
        "id": 2,
        "channel": "spot.trades",
        "event": "unsubscribe",
        "payload": ["BTC_USDT"],
    }
    assert conversation.unsubscribe(["BTC_USDT"], NOW) == []


def test_an_ack_confirms_the_instruments_of_its_request() -> None:
    conversation = subscribed("BTC_USDT")
    conversation.subscribe(["ETH_USDT"], NOW)
    parsed = conversation.receive(answer(id=2, conn_id="c59a", payload=["ETH_USDT"]), RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ("ETH_USDT",))


def test_acks_without_a_number_answer_the_oldest_request_of_their_event() -> None:
    conversation = subscribed("BTC_USDT")
    conversation.unsubscribe(["BTC_USDT"], NOW)
    conversation.subscribe(["ETH_USDT"], NOW)
    answers = [answer(event="unsubscribe"), answer(), answer(time_ms=0), answer()]
    acknowledged = [conversation.receive(each, RECEIVED).acknowledged for each in answers]
    assert acknowledged == [(), ("BTC_USDT",), ("ETH_USDT",), ()]


def test_a_request_answered_by_number_awaits_no_answer_without() -> None:
    conversation = subscribed("BTC_USDT")
    conversation.subscribe(["ETH_USDT"], NOW)
    conversation.receive(answer(id=1), RECEIVED)
    assert conversation.receive(answer(), RECEIVED).acknowledged == ("ETH_USDT",)


@pytest.mark.parametrize("number", [9, 0, "1", True, [1]])
def test_an_answer_that_nobody_awaits_is_control_and_means_nothing(number: object) -> None:
    conversation = subscribed("BTC_USDT")
    for each in (answer(id=number), failed("no", id=number)):
        parsed = conversation.receive(each, RECEIVED)
        assert (parsed.kind, list(parsed.acknowledged), list(parsed.refused)) == (Kind.CONTROL, [], [])
    assert conversation.receive(answer(), RECEIVED).acknowledged == ("BTC_USDT",)


@pytest.mark.parametrize("more", [{}, {"id": 1}, {"id": 1, "payload": ["A_USDT", "NOPE_USDT", "B_USDT"]}])
@pytest.mark.parametrize(
    "words", ["unknown currency pair NOPE_USDT", "unknown currency pair: NOPE_USDT.", 'no such contract "NOPE_USDT"']
)
def test_a_pair_that_the_error_names_is_refused_and_the_rest_is_asked_for_again(
    words: str, more: dict[str, Any]
) -> None:
    conversation = subscribed("A_USDT", "NOPE_USDT", "B_USDT")
    parsed = conversation.receive(failed(words, **more), RECEIVED)
    assert parsed.kind is Kind.CONTROL
    assert parsed.refused == [Refusal("NOPE_USDT", f"the venue refused: {words!r} (code 2)")]
    assert asked(parsed) == [["A_USDT", "B_USDT"]]
    assert conversation.receive(answer(id=2), RECEIVED).acknowledged == ("A_USDT", "B_USDT")
    assert conversation.unsubscribe(["NOPE_USDT"], NOW) == []


def test_a_pair_whose_name_is_part_of_the_one_named_is_not_refused() -> None:
    parsed = subscribed("PE_USDT", "NOPE_USDT").receive(failed("unknown currency pair NOPE_USDT"), RECEIVED)
    assert [refusal.name for refusal in parsed.refused] == ["NOPE_USDT"]
    assert asked(parsed) == [["PE_USDT"]]


@pytest.mark.parametrize("words", ["invalid argument", "unknown currency pair X_USDT", "", None, 5])
def test_an_error_that_names_none_of_its_pairs_is_narrowed_down_by_halves(words: object) -> None:
    conversation = subscribed("A_USDT", "B_USDT", "C_USDT")
    parsed = conversation.receive(failed(words, id=1), RECEIVED)
    assert (list(parsed.refused), asked(parsed)) == ([], [["A_USDT"], ["B_USDT", "C_USDT"]])
    parsed = conversation.receive(failed(words), RECEIVED)
    assert ([refusal.name for refusal in parsed.refused], asked(parsed)) == (["A_USDT"], [])
    assert conversation.receive(answer(), RECEIVED).acknowledged == ("B_USDT", "C_USDT")


def test_a_failure_without_an_error_is_one() -> None:
    parsed = subscribed("BTC_USDT").receive(answer(result={"status": "fail"}), RECEIVED)
    assert parsed.refused == [Refusal("BTC_USDT", "the venue refused, and gave no reason")]


def test_what_was_given_up_meanwhile_is_neither_refused_nor_asked_for_again() -> None:
    conversation = subscribed("A_USDT", "B_USDT", "C_USDT")
    conversation.unsubscribe(["A_USDT", "C_USDT"], NOW)
    parsed = conversation.receive(failed("unknown currency pair C_USDT", id=1), RECEIVED)
    assert [refusal.name for refusal in parsed.refused] == ["B_USDT"]
    assert asked(parsed) == []


def test_an_error_at_the_end_of_a_subscription_refuses_none() -> None:
    conversation = subscribed("BTC_USDT")
    conversation.receive(answer(), RECEIVED)
    conversation.unsubscribe(["BTC_USDT"], NOW)
    parsed = conversation.receive(failed("unknown currency pair BTC_USDT", event="unsubscribe"), RECEIVED)
    assert (parsed.kind, parsed.refused, parsed.commands) == (Kind.CONTROL, [], ())


def test_an_error_of_the_venues_own_ends_the_connection_and_refuses_none() -> None:
    parsed = subscribed("BTC_USDT").receive(failed("internal error", code=3, id=1), RECEIVED)
    assert (parsed.kind, parsed.ending, parsed.refused) == (Kind.CONTROL, Ending.FAULT, ())
    assert parsed.reason == "the venue refused: 'internal error' (code 3)"


UNREAD = {"error": {"code": 1, "message": "request message need json scheme"}, "result": None}


@pytest.mark.parametrize("more", [{}, {"channel": "", "event": ""}, {"channel": "spot.trades", "event": ""}])
def test_an_error_without_an_event_belongs_to_the_one_request_that_is_open(more: dict[str, str]) -> None:
    conversation = subscribed("BTC_USDT")
    parsed = conversation.receive(frame(UNREAD | more), RECEIVED)
    reason = "the venue refused: 'request message need json scheme' (code 1)"
    assert parsed.refused == [Refusal("BTC_USDT", reason)]
    conversation.subscribe(["ETH_USDT"], NOW)
    assert conversation.receive(answer(), RECEIVED).acknowledged == ("ETH_USDT",)


def test_an_error_that_could_be_any_requests_blames_none() -> None:
    conversation = subscribed("BTC_USDT")
    conversation.subscribe(["ETH_USDT"], NOW)
    parsed = conversation.receive(frame(UNREAD), RECEIVED)
    assert (parsed.kind, parsed.refused, parsed.commands) == (Kind.CONTROL, [], ())
    assert parsed.reason


@pytest.mark.parametrize("market", ["spot", "futures"])
def test_the_heartbeat_tells_the_time_and_is_answered_by_pong(market: str) -> None:
    conversation = converse("gate", market)
    assert json.loads(conversation.heartbeat(NOW)) == {"time": SECONDS, "channel": f"{market}.ping"}
    pong = {"time": SECONDS, "channel": f"{market}.pong", "event": "", "error": None, "result": None}
    parsed = conversation.receive(frame(pong), RECEIVED)
    assert (parsed.kind, parsed.reason) == (Kind.CONTROL, "")


def test_heartbeats_are_far_more_frequent_than_the_venues_patience() -> None:
    for adapter in (SPOT, FUTURES):
        assert adapter.rhythm.heartbeat is not None
        assert adapter.rhythm.heartbeat * 2 < adapter.rhythm.silence < 30


@pytest.mark.parametrize(
    "notice",
    [UPGRADE, {"time": SECONDS, "channel": "futures.system", "event": "update", "result": UPGRADE}],
)
def test_an_announced_upgrade_is_a_planned_end(notice: object) -> None:
    parsed = converse("gate", "futures").receive(frame(notice), RECEIVED)
    assert (parsed.kind, parsed.ending) == (Kind.CONTROL, Ending.PLANNED)
    assert (
        parsed.reason == "the venue announced: 'The connection will soon be closed for a service upgrade... ('upgrade')"
    )


def test_any_other_notice_is_only_told() -> None:
    parsed = converse("gate", "spot").receive(frame({"type": "news", "msg": "hello"}), RECEIVED)
    assert (parsed.kind, parsed.ending) == (Kind.CONTROL, None)
    assert parsed.reason == "the venue announced: 'hello' ('news')"


@pytest.mark.parametrize(
    "message",
    [
        {"time": 1, "channel": "spot.order_book_update", "event": "update", "result": {"s": "BTC_USDT", "b": []}},
        {"time": 1, "channel": "spot.tickers", "event": "update", "result": {"currency_pair": "BTC_USDT"}},
        {"time": 1, "channel": "futures.trades", "event": "update", "result": []},
        {"time": 1, "channel": "spot.trades_v2", "event": "update", "result": {}},
        {"time": 1, "channel": "spot.candlesticks", "event": "subscribe", "result": {"status": "success"}},
        {"time": 1, "channel": "spot.nope", "event": "subscribe", "error": {"code": 2, "message": "Unknown channel"}},
        {"time": 1, "channel": "spot.system", "event": "update", "result": None},
    ],
)
def test_other_channels_are_passed_over_in_silence(message: object) -> None:
    conversation = subscribed("BTC_USDT")
    parsed = conversation.receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.OTHER, (), "")
    assert conversation.receive(answer(), RECEIVED).acknowledged == ("BTC_USDT",)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"time": SECONDS},
        {"type": "upgrade"},
        {"channel": "trades", "event": "update"},
        {"channel": ["spot.trades"]},
        {"channel": 5},
        {"channel": "spot.trades"},
        {"channel": "spot.trades", "event": "all"},
        {"channel": "spot.trades", "event": ["subscribe"], "result": {"status": "success"}},
        {"channel": "spot.trades", "event": "subscribe"},
        {"channel": "spot.trades", "event": "subscribe", "result": {"status": "maybe"}},
        {"channel": "spot.trades", "event": "subscribe", "error": "no", "result": {"status": "success"}},
        [],
        "pong",
        5,
        None,
    ],
)
def test_what_no_channel_sends_is_malformed_with_a_reason(message: object) -> None:
    parsed = subscribed("BTC_USDT").receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.acknowledged) == (Kind.MALFORMED, (), ())
    assert parsed.reason


def test_a_spot_name_alone_tells_base_and_quote() -> None:
    guess = SPOT.guess("NEO_BTC")
    assert guess is not None
    assert (guess.name, guess.market, guess.symbol, guess.multiplier) == ("NEO_BTC", "spot", "NEO-BTC", None)


def test_a_futures_name_alone_tells_base_and_unit_factor_and_not_the_coins_of_a_contract() -> None:
    guess = FUTURES.guess("1000CAT_USDT")
    assert guess is not None
    assert (guess.symbol, guess.unit_factor, guess.multiplier) == ("CAT-USDT", "1000", None)


@pytest.mark.parametrize("name", ["BTC", "_USDT", "BTC_", "A\n_USDT", "BTC_US-DT", "BTC_币", ""])
def test_what_is_no_spot_name_tells_nothing(name: str) -> None:
    assert SPOT.guess(name) is None


@pytest.mark.parametrize("name", ["BTC_USD", "BTC_USDT_20261225", "_USDT", "USDT", ""])
def test_what_is_no_name_of_a_usdt_perpetual_tells_nothing(name: str) -> None:
    assert FUTURES.guess(name) is None
