"""What an event or a line of a log says of a replacement, and from which report it is taken."""

from dataclasses import replace
from typing import Any

import pytest

from metdc_operator.handover import handed_over, handover_message
from metdc_operator.observation import MarketSeen, Rotation, Seen
from metdc_operator.status import status
from tests.unit.operator.examples import HANDOVER, NOW, pod, report


def said(**parts: Any) -> str:
    return handover_message("spot", Rotation("s", "pod-a", "pod-b", NOW, replace(HANDOVER, **parts)))


def test_a_message_says_what_is_proven_of_each_symbol() -> None:
    assert handover_message("binance.spot", Rotation("s", "pod-a", "pod-b", NOW, HANDOVER)) == (
        "binance.spot: pod-b took over from pod-a: 1.4 s of overlap, 400 symbols proven by id, 29 by subscription, "
        "2 back-filled, 0 lost"
    )


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"by_id": 1}, ", 1 symbol proven by id, 29 by subscription, "),
        ({"by_id": 0, "by_rows": 5}, ", 5 symbols proven by overlapping rows, 29 by subscription, "),
        ({"by_id": 0, "by_subscription": 0, "by_rest": 3}, ", 3 symbols proven by REST, "),
        ({"by_id": 0, "by_subscription": 0}, ", 0 symbols proven by id, 2 back-filled"),
        ({"farewell": False, "overlap": 0}, ": 0.0 s of overlap (it left no last report), "),
        ({"unfilled": 1, "lost": 12}, ", 2 back-filled, 12 trades of 1 symbol lost"),
        ({"unfilled": 2, "lost": None}, ", 2 back-filled, trades that cannot be counted of 2 symbols lost"),
    ],
)
def test_a_message_names_what_there_is(parts: dict[str, Any], text: str) -> None:
    assert text in said(**parts)


def test_a_replacement_that_nobody_tells_of_has_no_proof() -> None:
    rotation = Rotation("s", "pod-a", "pod-b", NOW)
    assert handover_message("spot", rotation) == "spot: pod-b took over from pod-a: it has not told what it has proven"


def test_a_report_with_a_final_hand_over_tells_of_a_replacement() -> None:
    told = report(pod="new", slot="2026-09-21T14:00:00Z", handover=HANDOVER)
    assert handed_over(told) == Rotation("2026-09-21T14:00:00Z", "old", "new", NOW, HANDOVER)


def test_before_a_hand_over_is_final_no_replacement_is_told() -> None:
    assert handed_over(None) is None
    assert handed_over(report()) is None
    assert handed_over(report(handover=replace(HANDOVER, final=False))) is None


# -- the status


def of(rotation: Rotation) -> dict[str, Any]:
    return status(Seen([MarketSeen("spot", pods=[pod()], last=rotation)]), NOW)


def test_the_last_rotation_shows_its_proof() -> None:
    seen = of(Rotation("2026-09-21T14:00:00Z", "a", "b", NOW, HANDOVER))

    assert seen["markets"][0]["lastRotation"] == {
        "slot": "2026-09-21T14:00:00Z",
        "from": "a",
        "to": "b",
        "finishedAt": "2026-09-21T14:13:20Z",
        "farewell": True,
        "overlapMilliseconds": 1400,
        "symbolsProvenById": 400,
        "symbolsProvenByRows": 0,
        "symbolsProvenBySubscription": 29,
        "symbolsProvenByREST": 0,
        "symbolsBackfilled": 2,
        "symbolsUnfilled": 0,
        "tradesLost": 0,
        "duplicates": 412,
    }
    assert seen["totals"]["lastRotationAt"] == "2026-09-21T14:13:20Z"


def test_a_rotation_of_which_the_new_pod_has_proven_nothing_shows_who_replaced_whom() -> None:
    seen = of(Rotation("2026-09-21T14:00:00Z", "a", "b", NOW))

    assert set(seen["markets"][0]["lastRotation"]) == {"slot", "from", "to", "finishedAt"}
