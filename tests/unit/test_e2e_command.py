"""`make e2e` says honestly what it has shown; what it does is in tests/e2e."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit.judge import Tally, Verdict
from tests.cluster import images, kube
from tests.cluster.kube import Json
from tests.e2e import __main__ as command
from tests.e2e import listing, release, scene

HELD = Verdict({"binance.spot": Tally(sent=10, stored=10)}, [])
RECORD: dict[str, Any] = {
    "install_to_first_trade_s": 70.0,
    "pods_ready": 13,
    "rotations": 60,
    "faults": [{"name": "NATS killed", "injected": True, "ok": True}],
    "policies_enforced": True,
}


def judged(verdict: Verdict = HELD, *, accept_open: bool = False, **record: Any) -> dict[str, Any]:
    return command.judged(RECORD | record, verdict, accept_open=accept_open)


def test_what_held_is_ok_and_counts_nothing() -> None:
    found = judged()
    assert found["ok"]
    assert [found[name] for name in ("lost", "duplicated", "misordered", "wrong", "skipped")] == [0] * 5


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"install_to_first_trade_s": 120.0}, "after 120.0 s"),
        ({"pods_ready": 11}, "11 pods"),
        ({"rotations": 59}, "59 of 60"),
        ({"faults": [{"name": "NATS killed", "injected": False, "ok": False, "why": "no pod"}]}, "NATS killed: no pod"),
        ({"policies_enforced": False}, "not enforced"),
        ({"policies_enforced": None}, "not enforced"),
    ],
)
def test_what_did_not_hold_is_said(record: dict[str, Any], words: str) -> None:
    found = judged(**record)
    assert not found["ok"]
    assert any(words in problem for problem in found["problems"])


def test_a_network_without_policies_can_be_accepted_and_is_told_all_the_same() -> None:
    found = judged(policies_enforced=False, accept_open=True)
    assert (found["ok"], found["policies_enforced"]) == (True, False)


def test_a_lost_trade_is_a_problem() -> None:
    found = judged(Verdict({"binance.spot": Tally(sent=10, stored=9, lost=1)}, [{"kind": "lost"}]))
    assert (found["ok"], found["lost"]) == (False, 1)
    assert any("the audit" in problem for problem in found["problems"])


def test_a_run_in_which_nothing_was_owed_is_not_ok() -> None:
    assert not judged(Verdict({"binance.spot": Tally()}, []))["ok"]


def test_without_a_cluster_it_fails_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(kube, "TOOLS", tmp_path)
    assert command.main([]) == 1
    verdict = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not verdict["ok"]
    assert "set KUBECONFIG" in verdict["error"]


def test_the_images_to_upgrade_to_have_names_of_their_own_but_for_the_simulator_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("COLLECTOR", "OPERATOR", "LISTINGS", "SIMULATOR"):
        monkeypatch.setenv(f"METDC_{name}_IMAGE", f"{name.lower()}:1")
        monkeypatch.setenv(f"METDC_{name}_IMAGE_NEXT", f"{name.lower()}:2")
    first = images.provide(tag="a")
    assert first == images.Images("collector:1", "operator:1", "listings:1", "simulator:1")
    again = images.provide(tag="b", before=first)
    assert again == images.Images("collector:2", "operator:2", "listings:2", "simulator:1")


def test_values_are_merged_map_by_map() -> None:
    assert release.merged({"a": {"b": 1, "c": [2]}, "d": 3}, {"a": {"c": [4]}}) == {"a": {"b": 1, "c": [4]}, "d": 3}


def deployment(*, generation: int = 2, observed: int = 2, replicas: int = 1, updated: int = 1) -> Json:
    status = {"observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated}
    return {"metadata": {"generation": generation}, "spec": {"replicas": 1}, "status": status}


@pytest.mark.parametrize(
    ("found", "replacing"),
    [
        (deployment(), False),
        (deployment(replicas=2), True),
        (deployment(updated=0), True),
        (deployment(observed=1, updated=0), False),
    ],
)
def test_a_replacement_is_under_way_from_the_new_pod_to_the_old_one_s_end(found: Json, replacing: bool) -> None:
    assert scene._is_replacing(found) is replacing


SECOND, MS = 10**9, 10**6
AT = 1_790_000_000 * SECOND
PLANTED: dict[str, Any] = {
    "announced": AT,
    "ranking": [["okx.spot"], ["gate.spot"]],
    "markets": {
        "okx.spot": {
            "fills": 700,
            "first_move": {"time": AT + 700 * MS},
            "peak": {"price": "1.50"},
            "price_scale": None,
        },
        "gate.spot": {"fills": 800, "first_move": {"time": AT + 1900 * MS}, "peak": {"price": "150"}, "price_scale": 2},
    },
}


def of_capture(*, trades: int = 800, announced: int = AT, lacks: tuple[Json, ...] = (), made: int = 1_260) -> Json:
    markets = [
        {"exchange": "okx", "market": "spot", "trades": 701, "lacks": []},
        {"exchange": "gate", "market": "spot", "trades": trades, "lacks": list(lacks)},
        {"exchange": "kucoin", "market": "spot", "trades": 3, "lacks": []},
    ]
    window = {"to": AT + 20 * SECOND, "made": AT + 20 * SECOND + made * MS}
    return window | {"listing": {"announced": announced}, "markets": markets}


def analysed(peak: str = "1.5", /, **delays: int | None) -> Json:
    """The analysis of two markets; ``delays`` in ms, in the order of the ranking, None for one that did not move."""
    moved = {f"{exchange}.spot.WOO-USDT": delay for exchange, delay in delays.items()}
    verdicts = {market: "no_move" if delay is None else "moved" for market, delay in moved.items()}
    ranked = [{"market": market, "delay": delay * MS} for market, delay in moved.items() if delay is not None]
    markets = [{"market": one, "verdict": told, "peak": {"price": peak}} for one, told in verdicts.items()]
    return {"markets": markets, "by_time": ranked}


def test_of_a_listing_it_tells_the_trades_the_first_mover_and_when_the_report_was_there() -> None:
    found = listing.figures(of_capture(), analysed(okx=709, gate=1891), PLANTED)
    assert found == {"trades": 1504, "first_mover": "okx.spot", "report_s": 1.3}


@pytest.mark.parametrize(
    ("metadata", "analysis", "words"),
    [
        (of_capture(trades=799), analysed(okx=700, gate=1900), "799 of 800 planted trades of gate.spot"),
        (of_capture(lacks=({"text": "a gap"},)), analysed(okx=700, gate=1900), "gate.spot may lack trades: a gap"),
        (of_capture(announced=AT + SECOND), analysed(okx=700, gate=1900), "it tells of the listing"),
        (of_capture(made=5_000), analysed(okx=700, gate=1900), "the report was there 5.0 s after the window"),
        (of_capture(), analysed("1.4", okx=700, gate=1900), "the peak of okx.spot is 1.4 by the analysis, planted"),
        (of_capture() | {"listing": None}, analysed(okx=700, gate=1900), "it tells of the listing {}"),
        (of_capture(), analysed(okx=700, gate=None), "gate.spot has not moved by the analysis: no_move"),
        (of_capture(), analysed(okx=700), "gate.spot has not moved by the analysis: not captured"),
        (of_capture(), analysed(okx=689, gate=1900), "okx.spot moved after 689 ms by the analysis, planted are 700 ms"),
        (of_capture(), analysed(gate=1900, okx=700), "gate.spot moved first by the analysis, planted is okx.spot"),
    ],
)
def test_a_listing_that_is_not_what_was_planted_fails_and_says_why(metadata: Json, analysis: Json, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        listing.figures(metadata, analysis, PLANTED)
