"""The bucket of proofs: this pod's own, and those of the market's others."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from metdc_collector.backfill.proof import Names, Proof, decode, encode, encode_names
from metdc_collector.clock import Clock
from metdc_collector.proofs import Proofs
from metdc_collector.publisher.bucket import Bucket, BucketFailed
from metdc_collector.publisher.link import Link
from metdc_collector.wire.config import PodConfig
from tests.unit.collector.made import MOMENT, SECOND, HandClock

ME = f"me-{(MOMENT + 1000 * SECOND) // 1_000_000}"
BOTH = frozenset({"BTCUSDT", "ETHUSDT"})
MINE = f"n.c.spot.0.{ME}"


class Kept:
    """A bucket in memory; it fails while it is away."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.away = False
        self.reads = 0

    async def put(self, key: str, value: bytes) -> None:
        self._check()
        self.values[key] = value

    async def forget(self, key: str) -> None:
        del self.values[key]

    async def read(self, *keys: str) -> list[bytes]:
        self._check()
        (key,) = keys
        self.reads += 1
        return [value for name, value in self.values.items() if value and name.startswith(key.removesuffix(">"))]

    def _check(self) -> None:
        if self.away:
            raise BucketFailed("no answer")


class Rig:
    def __init__(self) -> None:
        self.hand, self.kept = HandClock(1000 * SECOND), Kept()
        clock = Clock(wall=lambda: MOMENT + self.hand.time, monotonic=self.hand)
        config: Any = SimpleNamespace(namespace="n", name="c", market="spot", shard=0, pod="me")
        self.proofs = Proofs(
            cast(Link, None), cast(PodConfig, config), clock, exchange="binance", replicas=1, create=True
        )
        self.proofs._bucket = cast(Bucket, self.kept)

    def other(self, pod: str, since: float, at: float, *, shard: int = 0, names: frozenset[str] = BOTH) -> Proof:
        proof = Proof(pod, MOMENT + round(since * SECOND), *(MOMENT + round(at * SECOND),) * 2, names)
        self.kept.values[f"n.c.spot.{shard}.{pod}"] = encode(proof)
        named = Names(pod, "binance", "spot", names)
        self.kept.values[f"n.c.spot.{shard}.{pod}.names"] = encode_names(named)
        return proof


def mine(since: float = 990, at: float = 1000, **exceptions: int) -> Proof:
    return Proof(ME, MOMENT + round(since * SECOND), *(MOMENT + round(at * SECOND),) * 2, BOTH, exceptions)


async def test_a_proof_is_put_under_the_pod() -> None:
    rig = Rig()
    assert await rig.proofs.put(mine())
    assert decode(rig.kept.values.values()) == ([mine()], [Names(ME, "binance", "spot", BOTH)])
    assert sorted(rig.kept.values) == [MINE, f"{MINE}.names"]


async def test_the_instruments_are_put_when_they_change_and_each_hour() -> None:
    rig = Rig()
    puts: list[str] = []
    real = rig.kept.put

    async def put(key: str, value: bytes) -> None:
        puts.append(key)
        await real(key, value)

    rig.kept.put = put  # type: ignore[method-assign]
    for seconds, names in ((0, BOTH), (1, BOTH), (2, frozenset({"BTCUSDT"})), (3700, frozenset({"BTCUSDT"}))):
        rig.hand.time = seconds * SECOND
        await rig.proofs.put(Proof(ME, MOMENT, MOMENT, MOMENT, names, {"BTCUSDT": 1}))
    assert puts == [f"{MINE}.names", MINE, MINE, f"{MINE}.names", MINE, f"{MINE}.names", MINE]


async def test_pods_of_the_market_s_other_shards_are_others_too() -> None:
    rig = Rig()
    other = rig.other("other", 0, 900, shard=3)
    rig.kept.values["n.c.futures.0.odd"] = encode(mine())
    assert await rig.proofs.others() == [other]


async def test_a_proof_that_is_not_acknowledged_is_not_put() -> None:
    rig = Rig()
    rig.kept.away = True
    assert not await rig.proofs.put(mine())


async def test_others_are_all_but_this_pod_and_what_is_no_proof() -> None:
    rig = Rig()
    other = rig.other("other", 0, 900)
    rig.kept.values["n.c.spot.0.odd"] = b"{}"
    await rig.proofs.put(mine(BTCUSDT=5))
    assert await rig.proofs.others() == [other]


async def test_the_process_before_in_the_same_pod_is_another() -> None:
    rig = Rig()
    before = rig.other(f"me-{MOMENT // 1_000_000}", 0, 900)
    await rig.proofs.put(mine(BTCUSDT=5))
    assert await rig.proofs.others() == [before]


async def test_others_are_read_twice_a_second_at_most() -> None:
    rig = Rig()
    assert [await rig.proofs.others() for _ in range(3)] == [[], [], []]
    rig.hand.time += SECOND // 2
    other = rig.other("other", 0, 900)
    assert await rig.proofs.others() == [other]
    assert rig.kept.reads == 2


async def test_others_are_unknown_while_the_bucket_does_not_answer() -> None:
    rig = Rig()
    rig.kept.away = True
    assert await rig.proofs.others() is None


@pytest.mark.parametrize(
    ("since", "at", "kept"),
    [
        (0, 300, False),
        (0, 400, True),  # not gone for long enough
        (0, 399.9, False),
    ],
)
async def test_what_this_pods_proof_replaces_is_taken_out_once(since: float, at: float, *, kept: bool) -> None:
    rig = Rig()
    rig.other("gone", since, at)
    await rig.proofs.put(mine())
    assert [name in rig.kept.values for name in ("n.c.spot.0.gone", "n.c.spot.0.gone.names")] == [kept, kept]
    rig.other("later", 0, 300)
    await rig.proofs.put(mine())
    assert "n.c.spot.0.later" in rig.kept.values


async def test_nothing_is_taken_out_while_this_pod_has_a_hole() -> None:
    rig = Rig()
    rig.other("gone", 0, 300)
    await rig.proofs.put(mine(BTCUSDT=5))
    assert "n.c.spot.0.gone" in rig.kept.values


async def test_what_another_shard_or_nobody_has_taken_over_is_kept() -> None:
    rig = Rig()
    rig.other("gone", 0, 300, shard=1)
    rig.other("more", 0, 300, names=BOTH | {"XRPUSDT"})
    await rig.proofs.put(mine())
    assert {"n.c.spot.1.gone", "n.c.spot.0.more"} <= rig.kept.values.keys()


async def test_what_reaches_into_this_pods_time_is_kept() -> None:
    rig = Rig()
    rig.other("gone", 0, 300)
    await rig.proofs.put(mine(since=200))
    assert "n.c.spot.0.gone" in rig.kept.values


@pytest.mark.parametrize(
    ("key", "at", "collected"),
    [
        ("n.c.spot.1.other", 941, True),  # another shard's, alive
        ("n.c.spot.1.other", 939, False),  # or one that has ended
        ("n.c.spot.0.before", 939, False),
        ("n.d.spot.0.other", 100, True),  # another resource's, which may be paused
    ],
)
async def test_what_other_processes_collect_is_known(key: str, at: float, *, collected: bool) -> None:
    rig = Rig()
    proof = rig.other(key.rpartition(".")[2], 0, at)
    rig.kept.values = {key: encode(proof), f"{key}.names": encode_names(Names(proof.pod, "binance", "spot", BOTH))}
    await rig.proofs.put(mine())
    assert await rig.proofs.collected() == (BOTH if collected else frozenset())


@pytest.mark.parametrize(("exchange", "market"), [("bybit", "spot"), ("binance", "futures")])
async def test_what_is_collected_of_another_market_is_another(exchange: str, market: str) -> None:
    rig = Rig()
    rig.kept.values["n.x.spot.0.pod.names"] = encode_names(Names("pod", exchange, market, BOTH))
    assert await rig.proofs.collected() == frozenset()


async def test_what_others_collect_is_unknown_while_the_bucket_does_not_answer() -> None:
    rig = Rig()
    rig.kept.away = True
    assert await rig.proofs.collected() is None
