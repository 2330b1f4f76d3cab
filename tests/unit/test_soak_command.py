"""`make soak` says honestly what it has shown; that it does so on a cluster is shown by hand (docs/evidence)."""

import json
from pathlib import Path

import pytest

from tests.audit.judge import Tally, Verdict
from tests.cluster import kube, soak
from tests.cluster.sample.scene import Proofs

HELD = Verdict({"binance.spot": Tally(sent=9, stored=9)}, [])
COUNTS = {"binance.spot": 2}
PROOFS: Proofs = {("binance.spot", "b"): {"overlapMilliseconds": 5100, "tradesLost": 0}, ("binance.spot", "c"): {}}


def test_without_a_cluster_it_fails_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(kube, "TOOLS", tmp_path)
    assert soak.main([]) == 1
    assert "set KUBECONFIG" in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]


@pytest.mark.parametrize("words", [["--rotations", "0"], ["--rate", "0"], ["--often"]])
def test_bad_usage_is_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        soak.main(words)
    assert ended.value.code == 2


def test_enough_rotations_without_a_loss_hold() -> None:
    record = soak.judged(COUNTS, PROOFS, HELD, 2)
    assert record["ok"]
    assert record["markets"]["binance.spot"]["rotations"] == 2
    assert (record["rotations"], record["proofs"], record["overlap_ms_least"], record["sent"]) == (2, 2, 5100, 9)


def test_fewer_rotations_than_wanted_are_red() -> None:
    record = soak.judged(COUNTS, PROOFS, HELD, 3)
    assert not record["ok"]
    assert record["problems"] == ["ended after 2 of 3 rotations"]


def test_a_loss_that_a_pod_itself_tells_is_red() -> None:
    record = soak.judged(COUNTS, PROOFS | {("binance.spot", "d"): {"tradesLost": 4}}, HELD, 2)
    assert not record["ok"]
    assert record["problems"] == ["binance.spot: 4 trades lost, by the proof of d"]


def test_what_the_audit_finds_is_red() -> None:
    assert not soak.judged(COUNTS, PROOFS, Verdict({"binance.spot": Tally(sent=9, stored=8, lost=1)}, []), 2)["ok"]
