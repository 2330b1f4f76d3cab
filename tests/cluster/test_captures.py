"""Captures on a real cluster: by hand, and of a notice that the chart's watcher has seen; each by a Job's real pod.

Two markets are collected, so that one of them can be down.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.checks.rendering import render
from tests.cluster.conftest import NewPlace
from tests.cluster.images import Images, parts
from tests.cluster.installed import operator
from tests.cluster.kube import Json, Refused, conditions
from tests.cluster.listing import (
    SECOND,
    WATCHER,
    WINDOW,
    Captures,
    announced,
    first_mover,
    pumped,
    read,
    watching,
)
from tests.cluster.place import CEILING, START, Place, collected, exchanges
from tests.harness import ROOT, eventually

DIVIDE = 2
"""Of the timers of both sides."""
BEFORE = 6.0
"""Seconds that windows of now reach back, and one more."""
RATE = 150.0
"""Trades a second of each market."""
MARKETS = {"binance": "simulator:9401", "okx": "simulator:9404"}
DELAYS = {"binance.spot": 1_200, "okx.spot": 1_700}
"""Of a pump's first move, in ms."""
AHEAD = 25.0
"""Seconds from a pump's planting to its announcement."""

pytestmark = pytest.mark.timeout(1200)


def collector(name: str, address: str) -> Json:
    """An ExchangeCollector of a simulated spot market."""
    rotation = {"suspend": True, "interval": "1m", "overlap": "5s"}
    env = [{"name": "METDC_DIVIDE_TIMERS", "value": str(DIVIDE)}]
    return collected(name, name, address, rotation=rotation, env=env)


def watcher(where: Place, images: Images) -> list[Json]:
    """The watcher as the chart makes it."""
    values = {
        "listings": watching(DIVIDE) | {"image": parts(images.listings)},
        "nats": {"embedded": {"enabled": False}, "external": {"urls": ["nats://nats:4222"]}},
        "networkPolicies": {"apiServerPorts": [443, 6443, 16443]},
    }
    return [each for each in render(values, namespace=where.name) if each["metadata"]["name"] == WATCHER]


@pytest.fixture(scope="module")
def scene(new_place: NewPlace, images: Images) -> Iterator[Captures]:
    """Two markets are collected, the operator serves the namespace, and the watcher watches."""
    where = new_place("captures")
    words = (f"--divide-timers={DIVIDE}", "--history=20", "--only", "binance.spot", "okx", "upbit")
    nats = {"urls": ["nats://nats:4222"], "stream": {"maxBytes": "1Gi"}}
    with exchanges(where, images, *words) as running, operator(where, images, nats=nats):
        where.apply(*(collector(name, address) for name, address in MARKETS.items()))
        where.apply(*watcher(where, images))
        for name in MARKETS:
            where.kubectl("wait", f"xc/{name}", "--for=condition=Ready", f"--timeout={START:.0f}s", timeout=START + 10)
        where.rolled_out(WATCHER)
        for name in MARKETS:  # the markets that nobody collects are silent
            running.order("/rate", exchange=name, market="spot", rate=RATE)
        eventually(lambda: all(running.count(f"trades.{name}.>") for name in MARKETS), CEILING, "trades", every=1)
        time.sleep(BEFORE)  # a window that begins before its stream does lacks something
        yield Captures(where, running)


def test_a_fake_listing_by_hand_is_captured_and_told(scene: Captures, tmp_path: Path) -> None:
    planted = pumped(scene.exchanges, "SOMI", DELAYS, ahead=AHEAD)
    time.sleep(max(0.0, planted["announced"] / SECOND - time.time()))
    begun = time.time()
    scene.where.kubectl("apply", "--filename", str(ROOT / "config" / "samples" / "fake-listing.yaml"))
    told = scene.until("fake-listing", "completeness", "Final")
    taken = time.time() - begun

    assert told["phase"] == "Captured", told
    assert {each["market"] for each in told["markets"] if each["trades"]} == {"binance.spot", "okx.spot"}
    assert told["totalTrades"] == sum(each["trades"] for each in told["markets"])
    assert conditions(scene.get("fake-listing"))["Captured"]["status"] == "True"
    assert "Captured" in [reason for reason, _ in scene.where.events("ListingCapture", "fake-listing")]
    assert taken < START + WINDOW
    where = scene.fetched(told["result"]["folder"], tmp_path)
    metadata = read(where, "metadata.json")
    assert (metadata["state"], metadata["base"]) == ("Final", "SOMI")
    row = scene.where.kubectl("get", "lc", "fake-listing").splitlines()[1].split()
    assert row[1:4] == ["SOMI", "Captured", "Final"]


def test_a_notice_makes_the_watcher_order_a_capture_that_finds_the_planted_first_mover(
    scene: Captures, tmp_path: Path
) -> None:
    planted = pumped(scene.exchanges, "TIA", DELAYS, ahead=AHEAD)
    announced(scene.exchanges, "TIA", "셀레스티아", planted["announced"])
    name = scene.ordered_by_watcher("TIA", planted["announced"])
    told = scene.until(name, "completeness", "Final")
    assert told["gapsInWindow"] == 0, told

    where = scene.fetched(told["result"]["folder"], tmp_path)
    assert first_mover(read(where, "analysis.json"), planted) == "binance.spot"
    assert (where / "report.html").stat().st_size > 1_000
    assert scene.differs(where, "TIA") == []
    record = scene.exchanges.audited().record()
    assert record["ok"], json.dumps(record)
    scene.exchanges.order("/resume")


def test_the_watcher_s_account_may_create_captures_and_nothing_else(scene: Captures) -> None:
    account = f"--as=system:serviceaccount:{scene.where.name}:{WATCHER}"

    def may(verb: str, resource: str) -> bool:
        try:
            return scene.where.kubectl("auth", "can-i", verb, resource, account).strip() == "yes"
        except Refused:
            return False

    assert may("create", "listingcaptures.metdc.io")
    others = [("get", "listingcaptures.metdc.io"), ("delete", "listingcaptures.metdc.io"), ("get", "secrets")]
    others += [("create", "exchangecollectors.metdc.io"), ("create", "pods"), ("create", "jobs.batch")]
    assert [one for one in others if may(*one)] == []


def test_a_coin_that_nobody_knows_fails_at_once_and_says_why(scene: Captures) -> None:
    scene.order("unknown", base="NOSUCHCOIN", at=ago(60))
    told = scene.until("unknown", "phase", "Failed", within=START)
    captured = conditions(scene.get("unknown"))["Captured"]
    assert (captured["status"], captured["reason"]) == ("False", "UnknownCoin"), told
    assert "nothing is known of NOSUCHCOIN" in captured["message"]
    pods = scene.where.pods({"metdc.io/capture": "unknown"})
    assert len(pods) == 1, "what no retry changes is not tried again"


def test_a_window_in_the_future_is_told(scene: Captures) -> None:
    scene.order("future", base="BTC", at=ago(-3600))
    scene.until("future", "phase", "Failed", within=START)
    assert conditions(scene.get("future"))["Captured"]["reason"] == "InFuture"


def test_a_market_that_is_down_leaves_the_result_provisional_and_the_other_one_whole(scene: Captures) -> None:
    scene.where.kubectl("patch", "xc", "okx", "--type=merge", "--patch", '{"spec":{"suspend":true}}')
    try:
        eventually(
            lambda: not scene.where.pods({"metdc.io/collector": "okx"}), START, "the collector of okx has gone", every=1
        )
        scene.order("half", base="BTC", before="5s", after="5s")
        told = scene.until("half", "completeness", "Provisional")
        lacks = {each["market"]: each.get("lacks", []) for each in told["markets"]}
        assert lacks["binance.spot"] == []
        assert {each["reason"] for each in lacks["okx.spot"]} == {"not_proven"}
        assert conditions(scene.get("half"))["Complete"]["reason"] == "Provisional"
    finally:
        scene.where.kubectl("patch", "xc", "okx", "--type=merge", "--patch", '{"spec":{"suspend":false}}')
    scene.until("half", "completeness", "Final", within=3 * START)


def test_a_capture_cannot_be_changed_and_takes_its_job_along(scene: Captures) -> None:
    scene.order("short", base="BTC", before="2s", after="1s")
    scene.until("short", "phase", "Captured")
    job = scene.where.get("job", "capture-short")
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    with pytest.raises(Refused, match="spec is immutable"):
        scene.where.kubectl("patch", "lc", "short", "--type=merge", "--patch", '{"spec":{"base":"ETH"}}')
    scene.where.kubectl("delete", "lc", "short")

    def gone() -> bool:
        left = scene.where.kubectl(
            "get", "jobs,networkpolicies,pods", "--selector", "metdc.io/capture=short", "-o=name"
        )
        return not left.strip()

    eventually(gone, CEILING, "Job, policy and pods have gone", every=1)


def ago(seconds: float) -> str:
    """A time so many seconds ago, to the second."""
    return datetime.fromtimestamp(time.time() // 1 - seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
