"""Observations to status and conditions."""

from dataclasses import replace
from typing import Any

import pytest

from metdc_collector.wire import report as reports
from metdc_operator import schema
from metdc_operator.observation import MarketSeen, Pod, Reason, Rotation, Seen, Trouble
from metdc_operator.status import STALE, status, to_be_written, turned
from tests.unit.operator.examples import HANDOVER, NOW, SECOND, pod, report

ON = reports.Nats(connected=True, acknowledged=True)
MISSING = Trouble(Reason.SECRET_MISSING, "the Secret nats-user does not exist; create it")


def of(*pods: Pod, **parts: Any) -> Seen:
    """One market with these pods."""
    return Seen(markets=[MarketSeen("spot", pods=pods, **parts)])


def condition(seen: Seen, kind: str) -> tuple[str, str, str]:
    (found,) = (each for each in status(seen, NOW)["conditions"] if each["type"] == kind)
    return found["status"], found["reason"], found["message"]


def verdict(seen: Seen, kind: str) -> tuple[str, str]:
    return condition(seen, kind)[:2]


def market(seen: Seen) -> dict[str, Any]:
    entry: dict[str, Any] = status(seen, NOW)["markets"][0]
    return entry


STALE_REPORT = report(at=NOW - STALE - 1)
EVERY = [
    of(),
    of(pod()),
    of(pod(report=STALE_REPORT)),
    of(pod(report=None, ready=False, trouble=MISSING), stalled=MISSING, rotating=True),
    of(pod("b", node="node1", restarts=2), pod(), last=Rotation("s", "a", "b", NOW, HANDOVER), next=NOW),
    replace(of(), suspended=True),
    of(pod(report=report(gaps=reports.Gaps(), last_trade=None, symbols=reports.Symbols()))),
    of(pod(report=report(symbols=reports.Symbols(9, 8, (reports.Refused("X", "delisted"),), None)))),
]


@pytest.mark.parametrize("seen", EVERY, ids=str)
def test_the_status_is_what_the_resource_definition_describes(seen: Seen) -> None:
    crd = schema.load()
    document = {"spec": {"exchange": "binance", "markets": [{"name": "spot"}]}, "status": status(seen, NOW)}

    assert schema.check(document, crd) == ([], True)


def test_reasons_of_conditions_are_of_the_documented_list() -> None:
    documented = set(Reason)

    for seen in EVERY:
        assert {each["reason"] for each in status(seen, NOW)["conditions"]} <= documented


# -- Ready


def test_a_ready_pod_with_a_fresh_report_is_ready() -> None:
    assert condition(of(pod()), "Ready") == ("True", "Collecting", "spot: 431 instruments")


def test_a_report_that_is_too_old_makes_everything_unknown() -> None:
    seen = of(pod(report=STALE_REPORT))

    for kind in ("Ready", "Streaming", "NATSConnected", "StreamInSync", "Complete"):
        assert verdict(seen, kind) == ("Unknown", "ReportStale")
    assert "last reported at 2026-09-21T14:12:34.999999999Z" in condition(seen, "Ready")[2]


def test_a_report_at_the_edge_of_its_age_still_counts() -> None:
    assert verdict(of(pod(report=report(at=NOW - STALE))), "Ready") == ("True", "Collecting")


def test_a_market_without_a_pod_is_starting() -> None:
    assert condition(of(), "Ready") == ("False", "Starting", "spot: no pod yet")


def test_a_market_that_gets_no_pod_says_why() -> None:
    quota = Trouble(Reason.QUOTA_EXCEEDED, "the quota of the namespace is used up")

    assert condition(of(trouble=quota), "Ready") == ("False", "QuotaExceeded", f"spot: {quota.message}")


def test_a_pod_that_cannot_start_says_why() -> None:
    seen = of(pod(ready=False, report=None, trouble=MISSING))

    assert condition(seen, "Ready") == ("False", "SecretMissing", f"spot: {MISSING.message}")
    assert condition(seen, "Streaming") == ("Unknown", "SecretMissing", f"spot: {MISSING.message}")


def test_a_pod_that_reported_and_then_has_trouble_says_so() -> None:
    crashing = Trouble(Reason.CRASHING, "ended by itself")

    assert verdict(of(pod(ready=False, trouble=crashing)), "Ready") == ("False", "Crashing")


def test_a_new_pod_that_has_not_reported_is_starting() -> None:
    assert verdict(of(pod(ready=False, report=None)), "Ready") == ("False", "Starting")


def test_a_ready_pod_that_never_reported_is_unknown() -> None:
    assert verdict(of(pod(report=None)), "Ready") == ("Unknown", "Starting")


def test_a_pod_that_waits_says_for_what() -> None:
    waiting = report(waiting=("each subscription to be acknowledged",))

    assert condition(of(pod(ready=False, report=waiting)), "Ready") == (
        "False",
        "Starting",
        "spot: binance-spot-0-a waits for each subscription to be acknowledged",
    )
    assert condition(of(pod(ready=False)), "Ready")[2] == "spot: binance-spot-0-a waits for its probe"


def test_a_pod_without_nats_says_so() -> None:
    told = report(nats=reports.Nats(message="nats://nats:4222 refuses the credentials"))

    assert condition(of(pod(ready=False, report=told)), "Ready") == (
        "False",
        "Disconnected",
        "spot: nats://nats:4222 refuses the credentials",
    )
    untold = of(pod(ready=False, report=report(nats=reports.Nats())))
    assert condition(untold, "Ready")[2] == "spot: binance-spot-0-a is not connected to NATS"


def test_a_blocked_region_is_named() -> None:
    blocked = report(connections=reports.Connections(failed=1), symbols=reports.Symbols(wanted=431))
    seen = of(pod(ready=False, report=blocked))

    assert verdict(seen, "Ready") == ("False", "RegionBlocked")
    assert verdict(seen, "Streaming") == ("False", "RegionBlocked")
    assert "spec.endpoints" in condition(seen, "Streaming")[2]


def test_the_worst_market_decides_and_all_that_share_its_fate_are_named() -> None:
    seen = Seen(
        markets=[
            MarketSeen("spot", pods=[pod()]),
            MarketSeen("futures", 0, 2, pods=[pod(report=STALE_REPORT)]),
            MarketSeen("futures", 1, 2),
        ]
    )

    assert condition(seen, "Ready") == ("False", "Starting", "futures/1: no pod yet")
    assert verdict(replace(seen, markets=seen.markets[:2]), "Ready") == ("Unknown", "ReportStale")


# -- the leading pod


def test_the_ready_pod_leads_though_its_successor_is_newer() -> None:
    successor = pod("b", ready=False, started=NOW, report=report(symbols=reports.Symbols()))

    assert [each["name"] for each in market(of(successor, pod()))["pods"]] == ["binance-spot-0-a", "b"]


def test_of_two_ready_pods_the_newer_leads_and_one_that_leaves_does_not() -> None:
    newer = pod("b", started=NOW)

    assert market(of(pod(), newer))["pods"][0]["name"] == "b"
    assert market(of(pod(), replace(newer, terminating=True)))["pods"][0]["name"] == "binance-spot-0-a"


# -- Streaming


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ("True", "AllStreaming")),
        ({"symbols": reports.Symbols()}, ("False", "Connecting")),
        ({"symbols": reports.Symbols(listed_at=NOW)}, ("False", "NoSymbols")),
        ({"symbols": reports.Symbols(9, 8), "connections": reports.Connections(1, 0, 2)}, ("False", "Cooldown")),
        ({"symbols": reports.Symbols(9, 8), "connections": reports.Connections(1, 1)}, ("False", "Connecting")),
        ({"symbols": reports.Symbols(9, 8), "connections": reports.Connections(0)}, ("False", "Connecting")),
        ({"symbols": reports.Symbols(9, 8)}, ("False", "SymbolsMissing")),
        ({"symbols": reports.Symbols(9, 8, (reports.Refused("X", "delisted"),))}, ("False", "Refused")),
    ],
)
def test_streaming_says_what_is_missing(parts: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdict(of(pod(report=report(**parts))), "Streaming") == expected


def test_a_refused_instrument_is_named_with_the_reason() -> None:
    seen = of(pod(report=report(symbols=reports.Symbols(9, 8, (reports.Refused("X", "delisted"),)))))

    assert condition(seen, "Streaming")[2] == "spot: 8 of 9 instruments stream; refused: X (delisted)"
    assert market(seen)["refused"] == [{"instrument": "X", "reason": "delisted"}]


# -- NATS and the stream


@pytest.mark.parametrize(
    ("nats", "expected"),
    [
        (ON, ("True", "Connected")),
        (reports.Nats(connected=True), ("False", "NotAcknowledged")),
        (reports.Nats(), ("False", "Disconnected")),
    ],
)
def test_nats_is_connected_when_publishes_are_acknowledged(nats: reports.Nats, expected: tuple[str, str]) -> None:
    assert verdict(of(pod(report=report(nats=nats))), "NATSConnected") == expected


def test_a_stream_that_differs_shows_both_values_and_who_manages_it() -> None:
    nats = replace(ON, stream="TRADES_BINANCE", stream_in_sync=False, message="max_bytes: wanted 8, is 4")
    seen = of(pod(report=report(nats=nats)))

    assert condition(seen, "StreamInSync") == ("False", "Disagrees", "spot: max_bytes: wanted 8, is 4")
    assert verdict(replace(seen, observes_stream=True), "StreamInSync") == ("False", "ManagedElsewhere")


def test_a_stream_that_nobody_has_looked_at_is_unknown() -> None:
    seen = of(pod(report=report(nats=ON)))

    assert verdict(seen, "StreamInSync") == ("Unknown", "NotLooked")


# -- Complete


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        (reports.Gaps(0, 5, 0), ("True", "NoGaps")),
        (reports.Gaps(1, 5, 0), ("False", "GapsOpen")),
        (reports.Gaps(1, 5, 2), ("False", "GapsUnfillable")),
        (reports.Gaps(None, None, None), ("Unknown", "NotCounted")),
        (reports.Gaps(0, None, None), ("Unknown", "NotCounted")),
    ],
)
def test_what_is_uncountable_is_not_complete(gaps: reports.Gaps, expected: tuple[str, str]) -> None:
    assert verdict(of(pod(report=report(gaps=gaps))), "Complete") == expected


def test_a_sum_with_something_uncountable_is_uncountable() -> None:
    uncounted = pod(report=report(gaps=reports.Gaps(None, 1, 2)))
    totals = status(Seen([MarketSeen("spot", pods=[pod()]), MarketSeen("futures", pods=[uncounted])]), NOW)["totals"]

    assert totals["gapsOpen"] is None
    assert totals["gapsUnfillable"] == 2


# -- Progressing, RotationStalled, Suspended


def test_progress_tells_starting_from_rotating_from_settled_from_stalled() -> None:
    assert verdict(of(pod(ready=False)), "Progressing") == ("True", "Starting")
    assert verdict(of(pod(), rotating=True), "Progressing") == ("True", "Rotating")
    assert verdict(of(pod()), "Progressing") == ("False", "Settled")
    assert verdict(of(pod(), rotating=True, stalled=MISSING), "Progressing") == ("False", "Stalled")


def test_a_stalled_rotation_says_why_and_that_the_old_pod_goes_on() -> None:
    assert condition(of(pod(), stalled=MISSING), "RotationStalled") == (
        "True",
        "SecretMissing",
        f"spot: {MISSING.message}; the old pod goes on",
    )
    assert verdict(of(pod()), "RotationStalled") == ("False", "OnSchedule")
    assert verdict(replace(of(pod()), rotation_suspended=True), "RotationStalled") == ("False", "RotationSuspended")


def test_a_suspended_resource_is_neither_ready_nor_unknown() -> None:
    seen = replace(of(), suspended=True)

    assert verdict(seen, "Suspended") == ("True", "Suspended")
    assert verdict(seen, "Ready") == ("False", "Suspended")
    assert verdict(seen, "Progressing") == ("False", "Suspended")
    assert verdict(seen, "NATSConnected") == ("Unknown", "Suspended")


# -- the figures


def test_a_pod_that_has_just_become_ready_does_not_lead_by_what_it_said_before() -> None:
    said_before = report(ready=False, trades=reports.Trades(), symbols=reports.Symbols())
    newer = pod("b", started=NOW, report=said_before)

    assert market(of(pod(), newer))["tradesPerSecond"] == 412
    assert market(of(replace(pod(), terminating=True), newer))["tradesPerSecond"] == 412


def test_the_figures_of_a_market_are_those_of_its_leading_pod() -> None:
    entry = market(of(pod()))

    assert entry["symbolsStreaming"] == 431
    assert entry["tradesPerSecond"] == 412
    assert entry["tradesDuplicateSinceRotation"] == 90
    assert entry["backlogAgeMilliseconds"] == 250
    assert entry["healthScorePercent"] == 99
    assert entry["lastTradeAt"] == "2026-09-21T14:13:19Z"


def test_without_a_backlog_its_age_is_nothing() -> None:
    assert market(of(pod(report=report(backlog=reports.Backlog()))))["backlogAgeMilliseconds"] == 0


def test_figures_that_are_not_known_are_absent() -> None:
    entry = market(of(pod(report=STALE_REPORT)))

    assert "symbolsStreaming" not in entry
    assert entry["pods"][0]["state"] == "Unknown"
    assert entry["pods"][0]["reportedAt"] == "2026-09-21T14:12:34Z"


def test_totals_add_up_the_markets() -> None:
    seen = Seen(
        [MarketSeen("spot", pods=[pod()], next=NOW + 9 * SECOND), MarketSeen("futures", pods=[pod()], next=NOW)]
    )
    totals = status(seen, NOW)["totals"]

    assert totals["markets"] == "spot,futures"
    assert totals["symbols"] == "862/862"
    assert totals["tradesPerSecond"] == 823
    assert totals["nextRotationAt"] == "2026-09-21T14:13:20Z"


def test_a_total_in_which_a_market_is_missing_is_absent() -> None:
    totals = status(Seen([MarketSeen("spot", pods=[pod()]), MarketSeen("futures")]), NOW)["totals"]

    assert "symbols" not in totals
    assert totals["lastTradeAt"] == "2026-09-21T14:13:19Z"


def test_of_many_pods_the_first_few_are_told() -> None:
    pods = [pod(f"binance-spot-0-{index:03}", ready=index == 42) for index in range(100)]

    told = [each["name"] for each in market(of(*pods))["pods"]]

    assert told[0] == "binance-spot-0-042"
    assert len(told) == 8


def test_the_status_is_as_old_as_the_oldest_report_that_it_rests_on() -> None:
    old = pod(report=report(at=NOW - 5 * SECOND))
    seen = Seen([MarketSeen("spot", pods=[pod()]), MarketSeen("futures", pods=[old])])

    assert status(seen, NOW)["reportedAt"] == "2026-09-21T14:13:15Z"
    assert "reportedAt" not in status(of(), NOW)


def test_a_market_says_in_words_what_is_wrong_once() -> None:
    nats = replace(ON, message="slow")
    bad = pod(trouble=MISSING, report=report(waiting=("a",), nats=nats))

    assert market(of(bad, stalled=MISSING))["message"] == f"{MISSING.message}; slow; a"
    assert "message" not in market(of(pod()))


# -- transitions and writing


def test_a_condition_that_has_not_turned_keeps_its_time() -> None:
    first = status(of(), NOW)
    second = status(of(pod(ready=False)), NOW + 10 * SECOND, previous=first)
    third = status(of(pod()), NOW, previous=second)
    times = [next(each for each in one["conditions"] if each["type"] == "Ready") for one in (first, second, third)]

    assert times[0]["lastTransitionTime"] == times[1]["lastTransitionTime"]
    assert times[2]["status"] == "True"
    assert (
        status(of(pod()), NOW + 10 * SECOND, previous=third)["conditions"][0]["lastTransitionTime"]
        == (times[2]["lastTransitionTime"])
    )


def test_a_status_is_written_at_once_when_a_condition_turns_else_rarely() -> None:
    before, after = status(of(), NOW), status(of(pod()), NOW)
    busier = status(of(pod(report=report(trades=reports.Trades(received=5)))), NOW)

    assert "Ready" in turned(before, after)
    assert to_be_written(before, after, age=0)
    assert to_be_written({}, before, age=0)
    assert not to_be_written(after, busier, age=29 * SECOND)
    assert to_be_written(after, busier, age=30 * SECOND)
    assert not to_be_written(after, after, age=3600 * SECOND)
