"""What befalls single pods, all at the same time and each in a market of its own: killed, wedged, split and joined."""

import json
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.audit.judge import Verdict
from tests.cluster.conftest import PREFIX
from tests.cluster.images import Images
from tests.cluster.kube import Json
from tests.cluster.place import ready
from tests.cluster.sample.hand import Hand, hand
from tests.cluster.sample.scene import SETTLED, Sample, market_of, restarts
from tests.harness import eventually

KILLED, CONTAINER, WEDGED, SPLIT = "bybit.futures", "bybit.spot", "okx.spot", "binance.futures"
"""A pod is killed, a container, a process stopped, a market split.

The first three have holes, and may ask REST often: Binance's allowance is a symbol each two seconds.
"""
QUIET = 10.0
"""Trades a second of those three: Bybit's REST shows the newest sixty of a spot symbol."""
SHARDS = 3

pytestmark = pytest.mark.timeout(2400)


@dataclass(slots=True)
class Strokes:
    """The pods before and after, by market, and the audit's verdict."""

    before: dict[str, list[Json]] = field(default_factory=dict)
    split: list[Json] = field(default_factory=list)
    after: dict[str, list[Json]] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=lambda: Verdict({}, []))


@pytest.fixture(scope="module")
def fist(scene: Sample, images: Images) -> Iterator[Hand]:
    with hand(scene.where.cluster, f"{PREFIX}-hand-{uuid.uuid4().hex[:5]}", images) as made:
        yield made


@pytest.fixture(scope="module")
def strokes(scene: Sample, fist: Hand) -> Strokes:
    """All of it at once, then each market has one ready pod again, then the audit."""
    scene.settle()
    found = Strokes(before=_by_market(scene))
    for exchange, market in (each.split(".") for each in (KILLED, CONTAINER, WEDGED)):
        scene.exchanges.order("/rate", exchange=exchange, market=market, rate=QUIET)
    fist.strike(found.before[CONTAINER][0], signal.SIGKILL)
    fist.strike(found.before[WEDGED][0], signal.SIGSTOP)
    scene.order("okx")
    name = found.before[KILLED][0]["metadata"]["name"]
    scene.where.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--wait=false")
    scene.split(SPLIT, SHARDS)
    eventually(lambda: _others(scene, found), SETTLED, "pods replaced, shards grown", every=2)
    found.split = scene.pods_in(SPLIT)
    scene.split(SPLIT, 1)
    scene.settle()
    found.after = _by_market(scene)
    found.verdict = scene.audited()
    return found


def _by_market(scene: Sample) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for pod in scene.pods():
        found.setdefault(market_of(pod), []).append(pod)
    return found


def _others(scene: Sample, found: Strokes) -> bool:
    """Whether the killed and the wedged pod have gone, and all that is to be there is there and ready."""
    gone = {_uid(found.before[market][0]) for market in (KILLED, WEDGED)}
    return scene.whole() and not gone & {_uid(pod) for pod in scene.pods()}


def _uid(pod: Json) -> str:
    uid: str = pod["metadata"]["uid"]
    return uid


def test_a_killed_pod_is_replaced(strokes: Strokes) -> None:
    (before,), (after,) = strokes.before[KILLED], strokes.after[KILLED]
    assert _uid(before) != _uid(after)
    assert ready(after)


def test_a_killed_container_starts_again_in_its_pod(strokes: Strokes) -> None:
    (before,), (after,) = strokes.before[CONTAINER], strokes.after[CONTAINER]
    assert _uid(before) == _uid(after)
    assert restarts(after) == restarts(before) + 1


def test_a_wedged_collector_is_reset_by_the_rotation(strokes: Strokes) -> None:
    (before,), (after,) = strokes.before[WEDGED], strokes.after[WEDGED]
    assert _uid(before) != _uid(after)
    assert restarts(after) == 0


def test_a_market_is_split_over_shards_and_joined_again(strokes: Strokes) -> None:
    shards = sorted(pod["metadata"]["labels"]["metdc.io/shard"] for pod in strokes.split)
    assert shards == [str(shard) for shard in range(SHARDS)]
    (before,), (after,) = strokes.before[SPLIT], strokes.after[SPLIT]
    assert _uid(after) not in {_uid(pod) for pod in (before, *strokes.split)}


def test_other_markets_notice_nothing(strokes: Strokes) -> None:
    struck = {KILLED, CONTAINER, WEDGED, SPLIT, "okx.futures"}  # the order to rotate is to both of OKX's
    for market in strokes.before.keys() - struck:
        assert [_uid(pod) for pod in strokes.before[market]] == [_uid(pod) for pod in strokes.after[market]]
        assert [restarts(pod) for pod in strokes.before[market]] == [restarts(pod) for pod in strokes.after[market]]


@pytest.mark.parametrize("market", [KILLED, CONTAINER, WEDGED, SPLIT])
def test_a_stroke_loses_repeats_and_misorders_nothing(strokes: Strokes, market: str) -> None:
    tally = strokes.verdict.tallies[market]
    assert tally.sent > 0
    assert tally.ok, json.dumps(strokes.verdict.record())
