"""One connection to Upbit: what is sent, and what the answers mean."""

import json
from typing import Any

import pytest

from metdc_collector.exchanges.base import Conversation, Ending, Kind, Refusal
from metdc_collector.exchanges.upbit import SPOT
from tests.unit.exchanges.examples import NOW, RECEIVED, converse, frame, instrument

BTC = instrument("upbit", "spot", "KRW-BTC", "BTC", quote="KRW")
ETH = instrument("upbit", "spot", "KRW-ETH", "ETH", quote="KRW")
UNKNOWN = "the venue doesn't know the code: it is not among the subscriptions that it lists"


def conversation(*names: str) -> Conversation:
    """A conversation that has asked for these codes."""
    made = converse("upbit", "spot", BTC, ETH)
    if names:
        made.subscribe(names, NOW)
    return made


def listed(*codes: str, ticket: object = "metdc-1") -> dict[str, Any]:
    return {"method": "LIST_SUBSCRIPTIONS", "result": [{"type": "trade", "codes": list(codes)}], "ticket": ticket}


def test_all_codes_are_asked_for_in_one_frame_and_a_question_follows() -> None:
    commands = conversation().subscribe(["KRW-BTC", "KRW-ETH"], NOW)
    assert [json.loads(command.frame) for command in commands] == [
        [{"ticket": "metdc-1"}, {"type": "trade", "codes": ["KRW-BTC", "KRW-ETH"]}, {"format": "DEFAULT"}],
        [{"method": "LIST_SUBSCRIPTIONS"}, {"ticket": "metdc-1"}],
    ]
    assert [(command.request, command.names) for command in commands] == [(1, ("KRW-BTC", "KRW-ETH")), (1, ())]


def test_a_further_subscription_repeats_what_is_wanted_already_since_it_replaces_the_first() -> None:
    commands = conversation("KRW-BTC").subscribe(["KRW-ETH", "KRW-BTC"], NOW)
    ticket, subscription, _ = json.loads(commands[0].frame)
    assert (ticket, subscription["codes"]) == ({"ticket": "metdc-2"}, ["KRW-BTC", "KRW-ETH"])
    assert json.loads(commands[1].frame)[1] == {"ticket": "metdc-2"}


def test_to_give_up_a_code_is_to_ask_for_the_others() -> None:
    commands = conversation("KRW-BTC", "KRW-ETH").unsubscribe(["KRW-BTC", "KRW-XRP"], NOW)
    assert [json.loads(commands[0].frame)[1]["codes"], len(commands)] == [["KRW-ETH"], 2]


def test_what_is_not_subscribed_is_not_given_up() -> None:
    assert conversation("KRW-BTC").unsubscribe(["KRW-ETH"], NOW) == []


def test_a_request_without_codes_is_never_made() -> None:
    made = conversation("KRW-BTC")
    assert made.unsubscribe(["KRW-BTC"], NOW) == []
    assert json.loads(made.subscribe(["KRW-ETH"], NOW)[0].frame)[1]["codes"] == ["KRW-ETH"]


def test_two_connections_send_the_same_bytes() -> None:
    assert conversation().subscribe(["KRW-BTC"], NOW) == conversation().subscribe(["KRW-BTC"], NOW + 1)


def test_the_last_trade_of_each_code_is_wanted() -> None:
    (subscription, _) = conversation().subscribe(["KRW-BTC"], NOW)
    assert "is_only" not in subscription.frame


def test_the_codes_that_the_venue_lists_are_confirmed() -> None:
    parsed = conversation("KRW-BTC", "KRW-ETH").receive(frame(listed("KRW-ETH", "KRW-BTC")), RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.refused) == (Kind.CONTROL, ["KRW-BTC", "KRW-ETH"], [])
    assert parsed.reason == ""


def test_a_code_that_the_venue_does_not_list_is_refused_by_name() -> None:
    parsed = conversation("KRW-BTC", "KRW-NEW").receive(frame(listed("KRW-BTC")), RECEIVED)
    assert (parsed.acknowledged, parsed.refused) == (["KRW-BTC"], [Refusal("KRW-NEW", UNKNOWN)])
    assert parsed.reason == UNKNOWN


def test_an_answer_to_an_older_question_refuses_nothing() -> None:
    made = conversation("KRW-BTC")
    made.subscribe(["KRW-ETH"], NOW)
    early = made.receive(frame(listed("KRW-BTC", ticket="metdc-1")), RECEIVED)
    late = made.receive(frame(listed("KRW-BTC", ticket="metdc-2")), RECEIVED)
    assert (early.acknowledged, early.refused) == (["KRW-BTC"], ())
    assert (late.acknowledged, late.refused) == (["KRW-BTC"], [Refusal("KRW-ETH", UNKNOWN)])


@pytest.mark.parametrize("ticket", [None, 1, "another", ["metdc-1"]])
def test_an_answer_with_another_ticket_refuses_nothing(ticket: object) -> None:
    parsed = conversation("KRW-BTC", "KRW-ETH").receive(frame(listed("KRW-BTC", ticket=ticket)), RECEIVED)
    assert (parsed.acknowledged, parsed.refused) == (["KRW-BTC"], ())


def test_a_refused_code_is_asked_for_again_with_the_next_request() -> None:
    made = conversation("KRW-NEW")
    made.receive(frame(listed()), RECEIVED)
    assert json.loads(made.subscribe(["KRW-BTC"], NOW)[0].frame)[1]["codes"] == ["KRW-NEW", "KRW-BTC"]


def test_only_trade_subscriptions_confirm_and_only_codes_that_were_asked_for() -> None:
    answer = listed("KRW-BTC", "KRW-XRP")
    answer["result"].append({"type": "ticker", "codes": ["KRW-ETH"]})
    parsed = conversation("KRW-BTC", "KRW-ETH").receive(frame(answer), RECEIVED)
    assert (parsed.acknowledged, [refusal.name for refusal in parsed.refused]) == (["KRW-BTC"], ["KRW-ETH"])


@pytest.mark.parametrize(
    "result", [None, 5, {}, "x", [5], [{}], [{"type": "trade"}], [{"type": "trade", "codes": "KRW-BTC"}]]
)
def test_a_damaged_answer_confirms_and_refuses_nothing(result: object) -> None:
    parsed = conversation("KRW-BTC").receive(frame(listed() | {"result": result}), RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.refused) == (Kind.MALFORMED, (), ())
    assert parsed.reason


@pytest.mark.parametrize("codes", [[5], ["KRW-BTC", None], [["KRW-BTC"]]])
def test_a_code_that_is_no_text_makes_the_answer_malformed(codes: list[Any]) -> None:
    assert conversation("KRW-BTC").receive(frame(listed(*codes)), RECEIVED).kind is Kind.MALFORMED


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            {"name": "NO_CODES", "message": "codes field not exists."},
            "the venue refused: 'codes field not exists.' ('NO_CODES')",
        ),
        ({"name": 404, "message": "Code not found"}, "the venue refused: 'Code not found' (404)"),
        ({"name": "WRONG_FORMAT"}, "the venue refused: None ('WRONG_FORMAT')"),
    ],
)
def test_an_error_is_the_end_of_the_connection_and_is_told_in_the_venues_words(
    error: dict[str, object], reason: str
) -> None:
    parsed = conversation("KRW-BTC").receive(frame({"error": error}), RECEIVED)
    assert (parsed.kind, parsed.ending, parsed.reason) == (Kind.CONTROL, Ending.FAULT, reason)


def test_a_message_in_korean_is_told_in_ascii() -> None:
    error = {"name": "INVALID_AUTH", "message": "인증 정보가 올바르지 않습니다."}
    parsed = conversation("KRW-BTC").receive(frame({"error": error}), RECEIVED)
    assert parsed.reason.isascii()
    assert parsed.reason.endswith("('INVALID_AUTH')")


@pytest.mark.parametrize("name", ["too_many_requests", 429, 418])
def test_a_broken_rate_limit_is_a_refusal(name: object) -> None:
    parsed = conversation("KRW-BTC").receive(frame({"error": {"name": name, "message": "slow down"}}), RECEIVED)
    assert parsed.ending is Ending.REFUSED


def test_the_heartbeat_is_a_bare_word_and_answered_by_a_status() -> None:
    made = conversation("KRW-BTC")
    assert made.heartbeat(NOW) == "PING"
    parsed = made.receive(b'{"status":"UP"}', RECEIVED)
    assert (parsed.kind, parsed.acknowledged) == (Kind.CONTROL, ())


def test_heartbeats_are_more_frequent_than_the_venues_patience() -> None:
    assert SPOT.rhythm.heartbeat is not None
    assert 2 * SPOT.rhythm.heartbeat < SPOT.rhythm.silence < 60


def test_frames_are_spaced_for_the_limit_of_a_minute_and_thereby_for_that_of_a_second() -> None:
    limits = SPOT.limits
    assert limits.frames.count <= 100
    assert limits.frames.seconds == 60
    assert limits.symbols_per_request == limits.symbols_per_connection == 855


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ticker", "code": "KRW-BTC", "trade_price": 1, "stream_type": "REALTIME"},
        {"type": "orderbook", "code": "KRW-BTC", "orderbook_units": [], "stream_type": "SNAPSHOT"},
        {"type": "candle.1s", "code": "KRW-BTC"},
        {"ty": "orderbook", "cd": "KRW-BTC", "tms": 1618678264336, "obu": [], "st": "REALTIME"},
        [{"type": "ticker", "code": "KRW-BTC"}, {"ty": "ticker", "cd": "KRW-BTC"}],
        {"type": "announcement", "event_type": "CREATED", "title": "[거래] 신규 거래 지원 안내", "category": "trade"},
    ],
)
def test_other_channels_are_passed_over_in_silence(message: object) -> None:
    parsed = conversation("KRW-BTC").receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.trades, parsed.reason) == (Kind.OTHER, (), "")


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"status": "DOWN"},
        {"status": ["UP"]},
        {"method": "LIST", "result": []},
        {"error": "NO_CODES"},
        {"error": {"message": "no name"}},
        {"error": None},
        {"type": None},
        {"type": ""},
        {"type": "a b"},
        {"ty": ["trade"]},
        [],
        [5],
        [{"status": "UP"}],
        "PONG",
        None,
    ],
)
def test_what_no_channel_sends_is_malformed_with_a_reason(message: object) -> None:
    parsed = conversation("KRW-BTC").receive(frame(message), RECEIVED)
    assert (parsed.kind, parsed.acknowledged, parsed.ending) == (Kind.MALFORMED, (), None)
    assert parsed.reason


def test_the_address() -> None:
    assert conversation().path() == "/websocket/v1"


def test_nothing_is_added_to_the_handshake_least_of_all_an_origin() -> None:
    assert SPOT.headers == {}


def test_a_code_alone_tells_base_and_quote() -> None:
    guess = SPOT.guess("BTC-1000X")
    assert guess is not None
    assert (guess.exchange, guess.market, guess.symbol, guess.unit_factor) == ("upbit", "spot", "X-BTC", "1000")


@pytest.mark.parametrize("name", ["", "BTC", "KRW-", "-BTC", "KRW-A-B", "KRW-A B", "KRW-A\nB"])
def test_what_is_no_code_tells_nothing(name: str) -> None:
    assert SPOT.guess(name) is None
