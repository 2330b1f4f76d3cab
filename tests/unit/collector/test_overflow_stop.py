"""When everything is on disk: while new trades pass memory by, and at a stop."""

from pathlib import Path

import pytest

from tests.unit.collector.made import MOMENT, SECOND, trade
from tests.unit.collector.test_overflow import rigged


async def test_since_when_everything_is_on_disk_is_known_until_memory_takes_trades_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metdc_collector.publisher.window.MOST_BYTES", 2000)
    rig = await rigged(tmp_path)
    rig.sink.usable = False
    rig.publish(trade(0))
    for number in range(1, 40):
        rig.hand.time = number * SECOND
        full = rig.sink.window.full
        rig.publish(trade(number))
        if full:
            break
    began = MOMENT + rig.hand.time
    rig.hand.time += SECOND
    rig.publish(trade(40))
    during = rig.overflow.since
    rig.sink.usable = True
    await rig.until(lambda: not rig.spool.trades and not rig.overflow.busy)
    assert (during, rig.overflow.since) == (began, None)
    await rig.spool.close()


async def test_at_a_stop_everything_is_on_disk(tmp_path: Path) -> None:
    rig = await rigged(tmp_path)
    rig.sink.usable = False
    rig.publish(trade(1))
    await rig.overflow.drain(1)
    assert rig.overflow.since == 0
    await rig.spool.close()


async def test_a_stop_while_nats_is_away_puts_everything_on_disk(tmp_path: Path) -> None:
    rig = await rigged(tmp_path)
    rig.sink.usable = False
    rig.publish(trade(1), trade(2))
    assert await rig.overflow.drain(1) is True
    assert rig.spool.trades == 2
    await rig.spool.close()


async def test_a_stop_with_nothing_left_is_done_at_once(tmp_path: Path) -> None:
    rig = await rigged(tmp_path)
    assert await rig.overflow.drain(50) is True
    await rig.spool.close()
