"""What turned between two statuses, as events."""

from typing import Any

from metdc_collector.wire.report import Handover
from metdc_operator.notices import Notice, notices
from metdc_operator.observation import Rotation
from metdc_operator.replacement import remembered
from metdc_operator.times import parse

TOLD = "spot: c took over from b: 30.2 s of overlap, 9 symbols proven by id, 0 back-filled, 3 trades of 1 symbol lost"


def status(*conditions: tuple[str, str, str], markets: Any = ()) -> dict[str, Any]:
    return {
        "conditions": [
            {"type": kind, "status": state, "reason": reason, "message": "because"}
            for kind, state, reason in conditions
        ],
        "markets": list(markets),
    }


def test_only_what_turns_is_told() -> None:
    good, bad = status(("Ready", "True", "Collecting")), status(("Ready", "False", "ImageNotFound"))

    assert notices(good, good) == []
    assert notices(good, bad) == [Notice(warning=True, reason="ImageNotFound", message="Ready is False: because")]
    assert notices(bad, good) == [Notice(warning=False, reason="Collecting", message="Ready is True: because")]


def test_a_first_status_tells_what_holds_and_a_start_is_no_warning() -> None:
    first = status(
        ("Ready", "False", "Starting"), ("Suspended", "True", "Suspended"), ("Progressing", "True", "Rotating")
    )

    assert notices({}, first) == [Notice(warning=False, reason="Suspended", message="Suspended is True: because")]
    later = status(("Ready", "False", "Starting"))
    assert notices(status(("Ready", "True", "Collecting")), later)[0].warning is False


def test_what_is_unknown_for_one_reason_is_told_once() -> None:
    kinds = ("Ready", "Complete", "Streaming")
    good = status(*((kind, "True", "Good") for kind in kinds))
    lost = status(*zip(kinds, ["Unknown"] * 3, ("ReportStale", "ReportStale", "Crashing"), strict=True))

    assert [notice.reason for notice in notices(good, lost)] == ["ReportStale", "Crashing"]


def test_a_stalled_rotation_is_a_warning_and_its_end_is_none() -> None:
    stalled, moving = status(("RotationStalled", "True", "Stalled")), status(("RotationStalled", "False", "OnSchedule"))

    assert notices(moving, stalled)[0].warning
    assert not notices(stalled, moving)[0].warning


def last(old: str, new: str, shards: int = 1) -> dict[str, Any]:
    rotation = {
        "from": old,
        "to": new,
        "overlapMilliseconds": 30_250,
        "finishedAt": "2026-11-26T10:00:00Z",
        "farewell": True,
        "symbolsProvenById": 9,
        "symbolsUnfilled": 1,
        "tradesLost": 3,
        "duplicates": 7,
    }
    return {"name": "spot", "shard": 0, "shards": shards, "lastRotation": rotation}


def test_each_replacement_is_told_once() -> None:
    before, after = status(markets=[last("a", "b")]), status(markets=[last("b", "c")])

    assert notices(before, before) == []
    assert notices(before, after) == [Notice(warning=True, reason="Rotated", message=TOLD)]
    assert notices(status(), status(markets=[last("a", "b", shards=2)]))[0].message.startswith("spot/0: b")
    assert notices(before, status(markets=[{"name": "spot", "shard": 0}])) == []


def test_a_status_remembers_replacements() -> None:
    told = status(markets=[last("a", "b"), {"name": "futures", "shard": 0}])
    when = parse("2026-11-26T10:00:00Z")

    proof = Handover(
        "a", farewell=True, final=True, overlap=30_250 * 10**6, symbols=10, by_id=9, unfilled=1, lost=3, duplicates=7
    )
    assert remembered(told) == {("spot", 0): Rotation("", "a", "b", when, proof)}
    del told["markets"][0]["lastRotation"]["overlapMilliseconds"]
    assert remembered(told) == {("spot", 0): Rotation("", "a", "b", when)}
    assert remembered({}) == {}
