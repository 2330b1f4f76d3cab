"""What the demo makes of a run: it fails unless the run shows what it claims to show."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.audit.judge import Tally, Verdict
from tests.demo import Options, Run, judge, proof_of, resources

MARKET = "binance.spot"
ROTATED = {"event": "rotated", "exchange": "binance", "market": "spot", "overlapSeconds": 1.5, "duplicates": 12}
PROOF = {
    "symbols": 10,
    "provenById": 6,
    "provenByRows": 0,
    "provenBySubscription": 2,
    "provenByREST": 1,
    "backfilled": 1,
}


def shown(*, planned: int = 100, produced: int = 100, sent: int = 100, lost: int = 0, **event: Any) -> dict[str, Any]:
    run = Run(markets=[MARKET], plans={MARKET: (planned, produced)})
    run.take(ROTATED | event)
    return judge(run, Verdict({MARKET: Tally(sent=sent, stored=sent, lost=lost)}, []))


def test_a_run_with_every_trade_and_a_rotation_holds() -> None:
    record = shown()
    assert record["ok"] is True
    assert record["markets"][MARKET]["rotations"] == 1
    assert record["markets"][MARKET]["overlap_duplicates"] == 12
    json.dumps(record)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"produced": 94}, "of 100 planned trades 94 were produced"),
        ({"sent": 94}, "94 sent"),
        ({"sent": 0}, "no trade was sent"),
        ({"event": "status"}, "was not rotated"),
        ({"market": "futures"}, "was not rotated"),
        ({"duplicates": 0}, "no duplicates"),
    ],
)
def test_a_run_that_does_not_show_the_main_job_fails(change: dict[str, Any], problem: str) -> None:
    record = shown(**change)
    assert record["ok"] is False
    assert any(problem in text for text in record["problems"])


@pytest.mark.parametrize(("lost", "told"), [(0, " 0 lost"), (None, " uncountably many lost")])
def test_a_rotation_is_told_with_its_proof(lost: int | None, told: str) -> None:
    text = proof_of(ROTATED | PROOF | {"lost": lost})
    assert text.startswith("1.5 s of overlap, 12 duplicates, 9/10 symbols proven, 1 back-filled,")
    assert text.endswith(told)
    assert proof_of(ROTATED) == "it has proven nothing in time"


def test_a_lost_trade_fails_the_run() -> None:
    assert shown(lost=1)["ok"] is False


def test_a_market_without_any_message_fails_the_run() -> None:
    run = Run(markets=[MARKET, "phemex.spot"], plans={MARKET: (100, 100)})
    run.take(ROTATED)
    assert judge(run, Verdict({MARKET: Tally(sent=100, stored=100)}, []))["ok"] is False


EXCHANGES = ["binance", "bybit", "okx", "kucoin", "gate", "phemex", "upbit"]


def test_the_resources_of_a_run_rotate_once_by_order_and_never_by_schedule() -> None:
    venue = {"rest": "http://127.0.0.1:1", "webSocket": "ws://127.0.0.1:1"}
    addresses = {exchange: {"spot": venue, "futures": venue} for exchange in EXCHANGES}
    options = Options(duration=60, seed=7, rate=500, live=False)
    found = resources(options, addresses, at=datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
    assert [resource["spec"]["exchange"] for resource in found] == EXCHANGES
    assert all(resource["spec"]["rotation"]["suspend"] for resource in found)
    assert {r["metadata"]["annotations"]["metdc.io/rotate-after"] for r in found} == {"2026-11-23T10:00:00Z"}
    assert all(market["endpoints"] == venue for resource in found for market in resource["spec"]["markets"])
