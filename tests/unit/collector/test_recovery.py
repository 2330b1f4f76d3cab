"""The parts that look after holes, put together: what they tell others, and what they take over from them."""

import asyncio
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from metdc_collector.backfill.proof import Names, Proof
from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Order
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.base import Channel
from metdc_collector.exchanges.history import Mark
from metdc_collector.fleet import Fleet
from metdc_collector.proofs import Proofs
from metdc_collector.publisher.gate import Gate
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.recovery import Recovery
from metdc_collector.rest import Rest
from metdc_collector.settings import Settings
from metdc_collector.wire.gap import Edge, Gap, State, decode, encode
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.report import Gaps
from tests.unit.collector.made import BTC, MOMENT, SECOND, HandClock, trade
from tests.unit.collector.publisher.test_gate import Sink


class Ledgers(Sink):
    """A publisher with records of events."""

    def __init__(self) -> None:
        super().__init__()
        self.link = None
        self.records: list[bytes] | None = []
        self.asked: list[tuple[str, int]] = []
        self.told_at = asyncio.Event()
        self.told_gaps: list[Gap] = []

    async def tell(self, subject: str, data: bytes, identity: str) -> bool:
        self.told_gaps.append(decode(data))
        return True

    async def told(self, subject: str, since: int) -> list[bytes] | None:
        self.asked.append((subject, since))
        self.told_at.set()
        records, self.records = self.records, self.records or []
        return records


class Bucket:
    """Proofs, as put and as others have put them."""

    def __init__(self) -> None:
        self.pod = "me"
        self.put_: list[Proof] = []
        self.elsewhere: frozenset[str] | None = frozenset()
        self.given = asyncio.Event()

    async def put(self, proof: Proof) -> bool:
        self.put_.append(proof)
        self.given.set()
        return True

    def names(self, proof: Proof) -> Names:
        return Names(proof.pod, "binance", "spot", proof.names)

    async def collected(self) -> frozenset[str] | None:
        return self.elsewhere

    async def others(self) -> list[Proof]:
        return []


class Fleets:
    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {"BTCUSDT": BTC}
        self.channel = Channel("aggTrade", consecutive=True, aggregates=True)
        self.doubted: list[str] = []

    def suspects(self) -> list[str]:
        return ["BTCUSDT"]

    def doubt(self, name: str) -> None:
        self.doubted.append(name)


class Rig:
    def __init__(self, *, fleet: bool = True, spool: Path | None = None, pod: str = "me") -> None:
        self.hand, self.sink, self.bucket = HandClock(), Ledgers(), Bucket()
        self.fleet = Fleets() if fleet else None
        self.clock = Clock(wall=lambda: MOMENT, monotonic=self.hand)
        self.timers = replace(Timers(), drain=0.0)
        publisher = cast(Publisher, self.sink)
        self.gate = Gate(publisher, Order(consecutive=True), self.clock, self.timers, peers=lambda: False)
        config = SimpleNamespace(namespace="n", name="c", market="spot", shard=0, pod=pod)
        settings = SimpleNamespace(
            stream=SimpleNamespace(management="Ensure", replicas=1),
            config=config,
            venue=SimpleNamespace(
                exchange="binance",
                market="spot",
                sources=(),
                limits=None,
                channels=(Channel("trade", consecutive=True),),
            ),
            spool=spool,
            spool_bytes=1024**2,
            limit_share=Fraction(1),
            key=None,
        )
        self.recovery = Recovery(
            settings=cast(Settings, settings),
            gate=self.gate,
            publisher=publisher,
            rest=cast(Rest, None),
            clock=self.clock,
            timers=self.timers,
            fleet=lambda: cast(Fleet, self.fleet),
            peers=lambda: False,
        )
        self.recovery._proofs = cast(Proofs, self.bucket)

    async def run(self, until: asyncio.Event) -> None:
        running = asyncio.create_task(self.recovery.run())
        async with asyncio.timeout(5):
            await until.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def gap(state: State, at: int = 0, **more: Any) -> Gap:
    made = Gap(
        exchange="binance",
        market="spot",
        base="BTC",
        quote="USDT",
        instrument="BTCUSDT",
        before=Edge("5", MOMENT),
        after=Edge("9", MOMENT + SECOND),
        start=MOMENT,
        end=MOMENT + SECOND,
        cause="disconnected",
        state=state,
        at=MOMENT + at,
    )
    return replace(made, **more)


async def test_an_open_gap_of_another_process_is_taken_over() -> None:
    rig = Rig()
    rig.sink.records = [encode(gap("open", first_missing="6", last_missing="8", filled=2)), b"another's"]
    await rig.run(rig.sink.told_at)
    assert rig.recovery.counts == Gaps(open=1, filled=0, unfillable=0)
    (job,) = rig.recovery.backfill._jobs["BTCUSDT"]
    assert (job.hole.before, job.hole.after) == (Mark("5", MOMENT, "5"), Mark("9", MOMENT + SECOND, "9"))
    assert (job.opened, job.evidence.filled, job.hole.count, job.hole.cause) == (True, 2, 3, "disconnected")
    assert rig.sink.asked == [("gaps.binance.spot.>", MOMENT - 8 * 86_400 * SECOND)]


async def test_a_gap_that_is_settled_is_not_taken_over() -> None:
    rig = Rig()
    rig.sink.records = [encode(each) for each in (gap("open"), gap("filled", at=1), gap("open", at=-1))]
    await rig.run(rig.sink.told_at)
    assert rig.recovery.backfill.pending == {}
    assert rig.recovery.counts == Gaps(open=0, filled=0, unfillable=0)


@pytest.mark.parametrize(("filled", "state"), [(0, "unfillable"), (None, "unfillable"), (2, "partial")])
async def test_a_gap_of_an_instrument_that_nobody_collects_any_more_is_closed(filled: int | None, state: State) -> None:
    rig = Rig()
    old = gap("open", at=-3 * 86_400 * SECOND, instrument="OLDUSDT", base="OLD", filled=filled)
    rig.sink.records = [encode(old)]
    await rig.run(rig.sink.told_at)
    await rig.recovery.ledger.flush()
    assert rig.sink.told_gaps == [replace(old, state=state, at=MOMENT)]
    assert rig.recovery.ledger.open == {}
    assert rig.recovery.counts == Gaps(open=0, filled=0, unfillable=1)


async def test_a_gap_that_nobody_has_looked_for_within_a_day_is_closed() -> None:
    rig = Rig()
    old = gap("open", at=-86_401 * SECOND)
    rig.sink.records = [encode(old)]
    await rig.run(rig.sink.told_at)
    await rig.recovery.ledger.flush()
    assert (rig.sink.told_gaps, dict(rig.recovery.backfill.pending)) == (
        [replace(old, state="unfillable", at=MOMENT)],
        {},
    )


@pytest.mark.parametrize("elsewhere", [frozenset({"OLDUSDT", "BTCUSDT"}), None])
async def test_a_gap_that_another_process_may_look_after_stays_open(elsewhere: frozenset[str] | None) -> None:
    rig = Rig()
    rig.bucket.elsewhere = elsewhere
    rig.sink.records = [
        encode(gap("open", instrument="OLDUSDT", base="OLD")),
        encode(gap("open", at=-86_401 * SECOND)),
    ]
    await rig.run(rig.sink.told_at)
    assert (rig.recovery.ledger.open, dict(rig.recovery.backfill.pending)) == ({}, {})
    assert rig.sink.told_gaps == []


async def test_a_gap_is_taken_over_whoever_else_collects_its_instrument() -> None:
    rig = Rig()
    rig.bucket.elsewhere = frozenset({"BTCUSDT"})
    rig.sink.records = [encode(gap("open"))]
    await rig.run(rig.sink.told_at)
    assert rig.recovery.counts.open == 1


async def test_a_gap_whose_numbers_are_none_is_taken_over_as_a_time() -> None:
    rig = Rig()
    rig.sink.records = [encode(gap("open", before=None, after=None, first_missing="x", last_missing="-1"))]
    await rig.run(rig.sink.told_at)
    (job,) = rig.recovery.backfill._jobs["BTCUSDT"]
    assert (job.hole.before, job.hole.after, job.hole.counted) == (None, None, False)


async def test_a_process_tells_what_it_has_proven() -> None:
    rig = Rig()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.cover(1, ["BTCUSDT"])
    rig.hand.time = 5 * SECOND
    await rig.run(rig.bucket.given)
    proof = rig.bucket.put_[0]
    assert (proof.pod, proof.since, proof.at) == ("me", MOMENT + 5 * SECOND, MOMENT + 5 * SECOND)


async def test_what_is_not_stored_yet_is_not_proven() -> None:
    rig = Rig()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.cover(1, ["BTCUSDT"])
    rig.sink.window.add([trade(5, at=2 * SECOND)], MOMENT)
    rig.hand.time = 5 * SECOND
    await rig.recovery.prove()
    assert rig.bucket.put_[0].at == MOMENT + 2 * SECOND


@pytest.mark.parametrize("covered", [True, False])
async def test_nothing_is_told_while_nats_is_away_or_nobody_listens(*, covered: bool) -> None:
    rig = Rig()
    rig.sink.usable = not covered
    rig.gate.coverage.want(["BTCUSDT"])
    if covered:
        rig.gate.cover(1, ["BTCUSDT"])
    await rig.recovery.prove()
    assert rig.bucket.put_ == []


def test_a_subscription_that_only_seems_to_be_is_a_hole_until_it_is_renewed() -> None:
    rig = Rig()
    assert rig.fleet is not None
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.cover(1, ["BTCUSDT"])
    rig.gate.receive(1, SimpleNamespace(trades=(trade(5, at=SECOND),), replayed=False, skipped=()), MOMENT)  # type: ignore[arg-type]
    rig.gate.news()
    rig.hand.time = 30 * SECOND
    rig.recovery.sampler.silent("BTCUSDT")
    rig.hand.time = 31 * SECOND
    rig.gate.cover(1, ["BTCUSDT"])
    newest = Mark("5", MOMENT + SECOND, "5")
    assert rig.gate.news()[0] == [
        (Blind("BTCUSDT", MOMENT + SECOND, MOMENT + 30 * SECOND), newest),
        (Blind("BTCUSDT", MOMENT + 30 * SECOND, MOMENT + 31 * SECOND), newest),
    ]
    assert rig.fleet.doubted == ["BTCUSDT"]


def test_what_never_sent_a_trade_is_silent_since_it_was_subscribed_to() -> None:
    rig = Rig()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.gate.cover(1, ["BTCUSDT"])
    rig.gate.news()
    rig.hand.time = 30 * SECOND
    rig.recovery.sampler.silent("BTCUSDT")
    assert rig.gate.news()[0] == [(Blind("BTCUSDT", MOMENT, MOMENT + 30 * SECOND), None)]


def test_what_nobody_listens_to_is_dark_already() -> None:
    rig = Rig()
    rig.recovery.sampler.silent("BTCUSDT")
    assert rig.gate.news()[0] == []


def test_before_the_first_list_there_is_nobody_to_look_at() -> None:
    rig = Rig(fleet=False)
    assert (rig.recovery.instruments(), rig.recovery.sampler.suspects()) == ({}, [])
    assert not rig.recovery.backfill.aggregates()
    rig.recovery.sampler.silent("BTCUSDT")


def test_whether_the_feed_gives_aggregates_is_known() -> None:
    recovery = Rig().recovery
    assert (recovery.backfill.aggregates(), recovery.sampler.aggregates()) == (True, True)


def test_suspects_are_those_of_the_connections() -> None:
    assert list(Rig().recovery.sampler.suspects()) == ["BTCUSDT"]
