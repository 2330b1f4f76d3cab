"""Requests and their answers."""

from metdc_collector.exchanges.base import Kind, Refusal
from metdc_collector.exchanges.requests import Requests


def test_requests_are_numbered_from_one() -> None:
    requests = Requests()
    assert [requests.subscribe(["A"]), requests.unsubscribe(["A"]), requests.subscribe(["B"])] == [1, 2, 3]


def test_a_success_acknowledges_what_was_asked_for() -> None:
    requests = Requests()
    number = requests.subscribe(["A", "B"])
    parsed = requests.accepted(number)
    assert (parsed.kind, parsed.acknowledged, parsed.refused) == (Kind.CONTROL, ("A", "B"), ())


def test_an_answer_counts_once() -> None:
    requests = Requests()
    number = requests.subscribe(["A"])
    requests.accepted(number)
    assert requests.accepted(number).acknowledged == ()


def test_the_end_of_a_subscription_acknowledges_none() -> None:
    requests = Requests()
    requests.subscribe(["A"])
    assert requests.accepted(requests.unsubscribe(["A"])).acknowledged == ()
    assert requests.subscriptions == set()


def test_an_error_refuses_what_was_asked_for_by_name() -> None:
    requests = Requests()
    parsed = requests.rejected(requests.subscribe(["A", "B"]), "no")
    assert parsed.refused == [Refusal("A", "no"), Refusal("B", "no")]
    assert (parsed.kind, parsed.reason) == (Kind.CONTROL, "no")
    assert requests.subscriptions == set()


def test_an_error_at_the_end_of_a_subscription_refuses_none() -> None:
    requests = Requests()
    parsed = requests.rejected(requests.unsubscribe(["A"]), "no")
    assert (parsed.refused, parsed.reason) == ((), "no")


def test_an_error_without_a_number_belongs_to_the_only_open_request() -> None:
    requests = Requests()
    requests.subscribe(["A"])
    assert requests.rejected(None, "no").refused == [Refusal("A", "no")]


def test_an_error_without_a_number_blames_none_of_several() -> None:
    requests = Requests()
    requests.subscribe(["A"])
    requests.subscribe(["B"])
    assert requests.rejected(None, "no").refused == ()
    assert requests.subscriptions == {"A", "B"}


def test_true_is_not_the_number_one() -> None:
    requests = Requests()
    requests.subscribe(["A"])
    for number in (True, 1.0, "1", [1], None):
        assert requests.accepted(number).acknowledged == ()
