"""A row of the result says what was done and what it cost, and is red unless the fault is shown to have struck."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.audit.holes import Found
from tests.chaos import __main__ as command
from tests.chaos.faults import Fault
from tests.chaos.rounds import not_played, result
from tests.chaos.scene import Case, Pod
from tests.chaos.table import BYBIT_SPOT, Row
from tests.harness import NotInTime
from tests.integration.rig import BINANCE_SPOT, Market

CONFIG = {"market": "spot", "pod": "pod-a", "spec": {"exchange": "binance"}}
COLUMNS = [
    "fault",
    "venue",
    "ok",
    "injected",
    "lost_unrecorded",
    "recorded",
    "why",
    "duplicated",
    "misordered",
    "wrong",
]
COLUMNS += ["false_gaps", "recover_s"]


def nothing(*_: Any) -> None:
    """A fault that does nothing."""


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case("reset", BINANCE_SPOT, Pod(tmp_path, CONFIG))
    made.struck, made.noticed, made.recovered = 2, "reconnecting", 1.5
    return made


def test_a_row_that_held_says_what_was_done(case: Case) -> None:
    row = result(case, Found(sent=9), Fault(nothing))
    assert list(row) == COLUMNS
    assert (row["ok"], row["fault"], row["venue"], row["injected"], row["recover_s"]) == (
        True,
        "reset",
        "binance.spot",
        2,
        1.5,
    )
    json.dumps(row)


@pytest.mark.parametrize(("struck", "noticed"), [(0, "reconnecting"), (2, None), (0, None)])
def test_a_fault_that_did_not_strike_or_that_ours_did_not_notice_fails_its_row(
    case: Case, struck: int, noticed: str | None
) -> None:
    case.struck, case.noticed = struck, noticed
    row = result(case, Found(), Fault(nothing))
    assert (row["ok"], row["injected"]) == (False, 0)
    assert row["problems"][0].startswith("NOT-INJECTED")


@pytest.mark.parametrize("rule", ["lost_unrecorded", "held", "wide", "duplicated", "misordered", "wrong"])
def test_each_broken_rule_fails_the_row_and_shows_an_example(case: Case, rule: str) -> None:
    found = Found()
    setattr(found, rule, 3)
    found.example("lost: BTCUSDT 5")
    row = result(case, found, Fault(nothing))
    assert row["ok"] is False
    assert row[rule] == 3
    assert row["problems"] == ["lost: BTCUSDT 5"]


def test_a_recorded_loss_is_no_fault_and_says_why(case: Case) -> None:
    found = Found(recorded=3, false_gaps=1, why=Counter({"disconnected, unfillable: REST no longer held it": 3}))
    row = result(case, found, Fault(nothing))
    assert row["ok"] is True
    assert (row["recorded"], row["false_gaps"]) == (3, 1)
    assert row["why"] == "3 disconnected, unfillable: REST no longer held it"


def test_what_did_not_happen_in_time_fails_the_row(case: Case) -> None:
    case.problems.append("it streams everything again: not within 30 s")
    assert result(case, Found(), Fault(nothing))["ok"] is False


def test_rows_of_omission_say_what_sampling_found(case: Case) -> None:
    row = result(case, Found(omitted=9, sampled=4, found=4), Fault(nothing, omits=True))
    assert (row["omitted"], row["sampled"], row["found"], row["ok"]) == (9, 4, 4, True)


def test_what_only_the_ledger_counts_is_taken_from_the_audit(case: Case) -> None:
    assert result(case, Found(equal=7), Fault(nothing, counts="equal"))["injected"] == 7
    assert result(case, Found(), Fault(nothing, counts="equal"))["ok"] is False


def test_ids_that_count_are_judged_without_sampling(case: Case) -> None:
    omits = Fault(nothing, omits=True)
    assert omits.rule(case) == "held"
    case.market = BYBIT_SPOT
    assert omits.rule(case) == "sampled"
    assert Fault(nothing).rule(case) == "held"


def test_a_fault_that_could_not_be_tried_has_a_row_with_all_columns() -> None:
    row = not_played("clock_step", BINANCE_SPOT, "libfaketime is not installed")
    assert set(row) == {*COLUMNS, "problems"}
    assert row["problems"] == ["NOT-INJECTED: libfaketime is not installed"]


def played(row: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    monkeypatch.setattr(command, "run", lambda rows, **_: [row])
    monkeypatch.setattr(command, "heed_signals", nothing)
    code = command.main(["--seed", "3", "--only", "reset", "--venue", "binance.spot"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize("ok", [True, False])
def test_the_last_line_is_one_object_with_all_rows(
    case: Case, ok: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = result(case, Found(lost_unrecorded=not ok), Fault(nothing))
    code, told = played(row, monkeypatch, capsys)
    assert code == (0 if ok else 1)
    assert told == {"ok": ok, "seed": 3, "schedule": "short", "rows": [row]}


def test_what_does_not_start_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(rows: list[Row], **_: Any) -> list[dict[str, Any]]:
        raise NotInTime("nats-server: no\nmore")

    monkeypatch.setattr(command, "run", broken)
    monkeypatch.setattr(command, "heed_signals", nothing)
    assert command.main([]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "nats-server: no"


def test_a_scene_that_does_not_start_leaves_the_other_rows_their_results(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(row: Row, *_: Any, **__: Any) -> list[dict[str, Any]]:
        if row.fault == "clock_step":
            raise NotInTime("libfaketime is not installed")
        return [{"fault": row.fault, "ok": True}]

    monkeypatch.setattr(command, "play_own", broken)
    markets: tuple[Market, ...] = (BINANCE_SPOT,)
    found = command.run([Row("clock_step", markets), Row("nats_leader", markets)], seed=7, rate=1)
    assert [(row["fault"], row["ok"]) for row in found] == [("clock_step", False), ("nats_leader", True)]
