"""The chaos suite as a command: what costs nothing is green."""

import json

import pytest

from tests.harness import Process, python

pytestmark = pytest.mark.timeout(150)


def test_faults_that_may_cost_nothing_cost_nothing() -> None:
    words = ("--seed", "7", "--schedule", "short", "--only", "planned_end", "nats_kill", "--venue", "binance.spot")
    with Process(python("tests.chaos", *words), name="chaos") as process:
        told = json.loads(process.line(140, where=lambda line: line.startswith("{")))
        assert process.wait(20) == 0, process.log
    assert {key: told[key] for key in ("ok", "seed", "schedule")} == {"ok": True, "seed": 7, "schedule": "short"}
    assert [(row["fault"], row["venue"]) for row in told["rows"]] == [
        ("planned_end", "binance.spot"),
        ("nats_kill", "binance.spot"),
    ]
    assert all(row["injected"] and not row["lost_unrecorded"] for row in told["rows"])
