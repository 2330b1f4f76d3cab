"""`make cluster-test` says honestly what it has shown; the tests themselves are in tests/cluster."""

import json
from pathlib import Path

import pytest

from tests.cluster import __main__ as command
from tests.cluster import figures, kube

MEASURED: dict[str, float] = dict.fromkeys(figures.WANTED, 1)


def test_without_a_cluster_it_fails_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(kube, "TOOLS", tmp_path)
    assert command.main([]) == 1
    verdict = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not verdict["ok"]
    assert "set KUBECONFIG" in verdict["error"]


def test_a_whole_run_that_measured_everything_holds() -> None:
    code, record = command.judge([0, 0], MEASURED, whole=True)
    assert code == 0
    assert record["skipped"] == 0


def test_a_whole_run_without_a_figure_proves_nothing() -> None:
    code, record = command.judge([0, 0], {name: 1 for name in MEASURED if name != "refused"}, whole=True)
    assert code == 2
    assert record["refused"] is None


def test_a_part_of_the_tests_needs_no_figures() -> None:
    assert command.judge([0], {}, whole=False)[0] == 0


@pytest.mark.parametrize(("pytest_code", "code"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 2)])
def test_a_red_test_is_1_and_a_run_without_tests_is_2(pytest_code: int, code: int) -> None:
    assert command.judge([0, pytest_code], MEASURED, whole=True)[0] == code


def test_a_red_part_counts_more_than_one_without_tests() -> None:
    assert command.judge([5, 1, 0], MEASURED, whole=True)[0] == 1


def test_the_latest_figure_of_a_name_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "figures"
    monkeypatch.setenv(figures.VARIABLE, str(file))
    figures.note(refused=1)
    figures.note(refused=2, bad_specs=2)
    assert figures.read(file) == {"refused": 2, "bad_specs": 2}


def test_counted_figures_add_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "figures"
    monkeypatch.setenv(figures.VARIABLE, str(file))
    figures.add(bad_specs=1)
    figures.add(bad_specs=1, refused=1)
    assert figures.read(file) == {"bad_specs": 2, "refused": 1}
