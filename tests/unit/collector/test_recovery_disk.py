"""What is left on disk at the end of a process, as the next one finds it."""

import os
from pathlib import Path
from types import SimpleNamespace

from metdc_collector.backfill.proof import Kept
from metdc_collector.exchanges.history import Mark
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, MOMENT, SECOND, trade
from tests.unit.collector.test_recovery import Rig


async def spooling(place: Path, *trades: Trade) -> Rig:
    """A process that has listened since second 1 and spools since second 2, with NATS away."""
    rig = Rig(spool=place, pod="dead")
    await rig.recovery.open()
    overflow = rig.recovery.overflow
    assert overflow is not None
    rig.gate.coverage.want(["BTCUSDT"])
    rig.hand.time = SECOND
    rig.gate.cover(1, ["BTCUSDT"])
    rig.recovery.backfill.notice()
    rig.sink.usable = False
    rig.hand.time = 2 * SECOND
    overflow._spooling, overflow.since = True, rig.clock.now()
    overflow.take(trades, MOMENT)
    return rig


def killed(rig: Rig) -> Path:
    """End it as SIGKILL does; return the file of its trades."""
    overflow = rig.recovery.overflow
    assert overflow is not None
    assert overflow.spool._own is not None
    os.close(overflow.spool._own._lock)
    (file,) = overflow.spool._own.path.glob("*.trades")
    return file


async def kept(place: Path, pod: str) -> Kept:
    """What the next process finds; it dies without having delivered it."""
    rig = Rig(spool=place, pod=pod)
    await rig.recovery.open()
    (found,) = rig.recovery.backfill.kept()
    assert rig.recovery.backfill.delivers()
    assert rig.recovery.overflow is not None
    await rig.recovery.overflow.spool.close()
    return found


async def test_what_a_process_had_on_disk_is_proven_to_the_next(tmp_path: Path) -> None:
    rig = await spooling(tmp_path, trade(5, at=3 * SECOND))
    rig.hand.time = 4 * SECOND
    await rig.recovery.prove()
    assert rig.recovery.overflow is not None
    await rig.recovery.overflow.spool.settle()
    killed(rig)
    found = await kept(tmp_path, "next")
    assert (found.proof.since, found.proof.at) == (MOMENT + 2 * SECOND, MOMENT + 4 * SECOND)
    assert found.newest == {"BTCUSDT": Mark("5", MOMENT + 3 * SECOND, "5")}
    assert found.proof.names == {"BTCUSDT"}


async def test_what_is_held_before_it_can_be_spooled_is_not_proven(tmp_path: Path) -> None:
    rig = await spooling(tmp_path, trade(5, at=3 * SECOND))
    rig.gate.join(2, [BTC])
    rig.gate.receive(2, SimpleNamespace(trades=(trade(6, at=round(3.5 * SECOND)),), replayed=False, skipped=()), MOMENT)  # type: ignore[arg-type]
    rig.hand.time = 4 * SECOND
    await rig.recovery.prove()
    assert rig.recovery.overflow is not None
    await rig.recovery.overflow.spool.settle()
    killed(rig)
    assert (await kept(tmp_path, "next")).proof.held == {"BTCUSDT": MOMENT + round(3.5 * SECOND)}


async def test_with_a_torn_tail_nothing_is_proven_behind_the_last_good_trade(tmp_path: Path) -> None:
    rig = await spooling(tmp_path, trade(5, at=3 * SECOND))
    assert rig.recovery.overflow is not None
    await rig.recovery.overflow.spool.settle()
    good = rig.recovery.overflow.spool.size
    rig.recovery.overflow.take([trade(6, at=round(3.5 * SECOND))], MOMENT)
    rig.hand.time = 4 * SECOND
    await rig.recovery.prove()
    await rig.recovery.overflow.spool.settle()
    file = killed(rig)
    whole, said = file.read_bytes(), (file.parent / "proof").read_bytes()
    damaged = [whole[:size] for size in range(good + 1, len(whole))]
    damaged.append(whole[: good + 30] + bytes([whole[good + 30] ^ 1]) + whole[good + 31 :])
    for place, data in enumerate(damaged):
        file.write_bytes(data)
        (file.parent / "proof").write_bytes(said)
        file.with_suffix(".index").unlink(missing_ok=True)
        found = await kept(tmp_path, f"next-{place}")
        assert (found.proof.since, found.proof.at) == (MOMENT + 2 * SECOND, MOMENT + 3 * SECOND)
        assert found.newest["BTCUSDT"].id == "5"
    assert not (file.parent / "proof").exists(), "who finds the folder next can't see where it was torn"


async def test_a_stop_leaves_everything_on_disk_and_proves_it(tmp_path: Path) -> None:
    rig = Rig(spool=tmp_path, pod="dead")
    await rig.recovery.open()
    rig.gate.coverage.want(["BTCUSDT"])
    rig.hand.time = SECOND
    rig.gate.cover(1, ["BTCUSDT"])
    rig.recovery.backfill.notice()
    rig.sink.usable = False
    rig.sink.window.add([trade(5, at=2 * SECOND)], MOMENT)
    rig.hand.time = 3 * SECOND
    overflow = rig.recovery.overflow
    assert overflow is not None
    await overflow.drain(1)
    await rig.recovery.prove()
    await overflow.spool.close()
    proof = (await kept(tmp_path, "next")).proof
    assert (proof.since, proof.at) == (MOMENT + SECOND, MOMENT + 3 * SECOND)


async def test_while_memory_has_some_nothing_is_said_of_the_disk(tmp_path: Path) -> None:
    rig = await spooling(tmp_path, trade(5, at=3 * SECOND))
    overflow = rig.recovery.overflow
    assert overflow is not None
    overflow.since = None
    await rig.recovery.prove()
    await overflow.spool.settle()
    killed(rig)
    after = Rig(spool=tmp_path, pod="next")
    await after.recovery.open()
    assert list(after.recovery.backfill.kept()) == []
    assert after.recovery.overflow is not None
    await after.recovery.overflow.spool.close()


async def test_what_is_given_up_before_the_list_is_read_becomes_a_hole_afterwards() -> None:
    rig = Rig()
    fleet, rig.fleet = rig.fleet, None
    rig.recovery.lost("BTCUSDT", Mark("5", MOMENT, "5"), Mark("9", MOMENT + SECOND, "9"), 5, 1)
    rig.recovery.lost("OLDUSDT", Mark("5", MOMENT, "5"), Mark("9", MOMENT + SECOND, "9"), 5, 1)
    rig.fleet = fleet
    await rig.run(rig.sink.told_at)
    assert dict(rig.recovery.backfill.pending) == {"BTCUSDT": MOMENT}
