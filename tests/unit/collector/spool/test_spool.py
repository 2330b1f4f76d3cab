"""The spool: bounded, the oldest given up first and told, the disk's failures told and survived."""

import errno
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metdc_collector.exchanges.history import Mark
from metdc_collector.spool.folder import Folder
from metdc_collector.spool.spool import Spool
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, ETH, MOMENT, trade


class Told:
    """What a spool has told of losses."""

    def __init__(self) -> None:
        self.lost_trades: list[tuple[str, Mark, Mark, int]] = []
        self.runs: list[int] = []

    def lost(self, instrument: str, first: Mark, last: Mark, count: int, run: int) -> None:
        self.runs.append(run)
        self.lost_trades.append((instrument, first, last, count))

    @property
    def count(self) -> int:
        return sum(each[3] for each in self.lost_trades)


async def opened(root: Path, told: Told, *, process: str = "a-1", most: int = 1024**3) -> Spool:
    spool = Spool(root, process=process, most=most, losses=told)
    await spool.open()
    return spool


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def taken(root: Path) -> int:
    """Return the bytes that everything takes on disk."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


async def held(spool: Spool) -> list[Trade]:
    return [spool.trade(record) for segment in await spool.segments() for record in await spool.records(segment)]


async def test_what_is_put_comes_back_in_its_order(tmp_path: Path) -> None:
    spool = await opened(tmp_path, Told())
    trades = [trade(number) for number in range(1, 50)]
    for each in trades:
        spool.put((each,), MOMENT)
    await spool.settle()
    assert (spool.trades, spool.oldest) == (49, trades[0].received)
    assert await held(spool) == trades
    for segment in await spool.segments():
        await spool.remove(segment)
    assert (spool.trades, spool.size, spool.oldest) == (0, 0, None)
    await spool.close()
    assert names(tmp_path) == []


async def test_the_next_process_adopts_what_one_has_left(tmp_path: Path) -> None:
    first = await opened(tmp_path, Told())
    first.put([trade(1), trade(9), trade(4, of=ETH)], MOMENT)
    await first.close()
    second = await opened(tmp_path, Told(), process="b-2")
    (left,) = second.left
    assert left.newest == {
        BTC.name: Mark("9", MOMENT + 9_000_000, "9"),
        ETH.name: Mark("4", MOMENT + 4_000_000, "4"),
    }
    second.put([trade(7)], MOMENT)
    assert [second.owns(segment) for segment in await second.segments()] == [False, True]
    await second.remove((await second.segments())[1])
    assert await held(second) == [trade(1), trade(9), trade(4, of=ETH)]
    for segment in await second.segments():
        await second.remove(segment)
    assert names(tmp_path) == ["b-2"]
    await second.close()


async def test_two_that_live_leave_each_other_alone(tmp_path: Path) -> None:
    first, second = await opened(tmp_path, Told()), await opened(tmp_path, Told(), process="b-2")
    first.put([trade(1)], MOMENT)
    await first.settle()
    assert (first.trades, second.trades) == (1, 0)
    await first.close()
    await second.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(min_value=1, max_value=40), st.integers(0, 3000)), min_size=1, max_size=30))
async def test_past_the_bound_the_oldest_go_and_each_is_told(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[int, int]]
) -> None:
    told, most, number = Told(), 64 * 1024, 0
    root = tmp_path_factory.mktemp("spool")
    spool = await opened(root, told, most=most)
    for size, proof in puts:
        spool.put([trade(number + place) for place in range(size)], MOMENT)
        number += size
        spool.prove(bytes(proof))
        await spool.settle()
        assert taken(root) <= most
        assert spool.size <= most
    kept = [int(each.id) for each in await held(spool)]
    assert taken(root) <= most, "with the last segment finished"
    assert kept == list(range(number - len(kept), number)), "the newest, in their order"
    assert told.count == number - len(kept)
    spans = [(int(first.id), int(last.id), count) for _, first, last, count in told.lost_trades]
    assert all(last - first + 1 == count for first, last, count in spans)
    assert [first for first, _, _ in spans] == [sum(each[2] for each in spans[:place]) for place in range(len(spans))]
    await spool.close()


@pytest.mark.parametrize("more", range(0, 400, 16))
async def test_the_bound_holds_to_the_byte_with_heads_indices_and_proofs(tmp_path: Path, more: int) -> None:
    spool = await opened(tmp_path, Told(), most=8 * 1024 + more)
    for number in range(40):
        spool.put([trade(number)], MOMENT)
        if number > 25:
            spool.prove(bytes(250))
        await spool.settle()
        assert taken(tmp_path) <= 8 * 1024 + more
        if number % 11 == 0:
            await spool.segments()
            assert taken(tmp_path) <= 8 * 1024 + more, "with the last segment finished"
    assert spool.trades > 10
    await spool.close()


async def test_a_lower_bound_at_the_next_start_gives_up_the_oldest(tmp_path: Path) -> None:
    first = await opened(tmp_path, Told(), most=64 * 1024)
    first.put([trade(number) for number in range(150)], MOMENT)
    await first.close()
    told = Told()
    second = await opened(tmp_path, told, process="b-2", most=16 * 1024)
    assert 0 < second.trades < 150
    assert told.count == 150 - second.trades
    assert second.size <= 16 * 1024
    await second.close()


async def test_a_full_disk_costs_the_oldest_then_the_newest_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    spool = await opened(tmp_path, told, most=16 * 1024)
    for number in range(20):
        spool.put([trade(number)], MOMENT)
        await spool.settle()
    real = os.write

    def full(file: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with caplog.at_level(logging.ERROR), monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for number in range(20, 60):
            spool.put([trade(number)], MOMENT)
            await spool.settle()
    assert os.write is real
    assert told.count == 60, "each trade that is not kept is told"
    assert spool.trades == 0
    assert sum("No space left" in record.getMessage() for record in caplog.records) <= 2
    spool.put([trade(70)], MOMENT)
    assert await held(spool) == [trade(70)], "with room again it goes on"
    await spool.close()


async def test_a_segment_that_is_being_delivered_is_not_given_up(tmp_path: Path) -> None:
    told = Told()
    spool = await opened(tmp_path, told, most=16 * 1024)
    spool.put([trade(number) for number in range(6)], MOMENT)
    (first, *_) = await spool.segments()
    records = await spool.records(first)
    for number in range(100, 200):
        spool.put([trade(number)], MOMENT)
        await spool.settle()
    assert [spool.trade(record).id for record in records] == ["0", "1", "2", "3", "4", "5"]
    assert min(int(mark.id) for _, mark, _, _ in told.lost_trades) == 100
    await spool.close()


async def test_a_segment_given_up_meanwhile_has_no_records_and_is_told_once(tmp_path: Path) -> None:
    told = Told()
    spool = await opened(tmp_path, told, most=16 * 1024)
    spool.put([trade(number) for number in range(6)], MOMENT)
    (first, *_) = await spool.segments()
    for number in range(100, 200):
        spool.put([trade(number)], MOMENT)
        await spool.settle()
    assert list(await spool.records(first)) == []
    assert [count for _, _, _, count in told.lost_trades if count == 6] == [6]
    await spool.close()


async def test_damage_in_a_finished_segment_is_told_for_those_whose_trades_it_took(tmp_path: Path) -> None:
    told = Told()
    spool = await opened(tmp_path, told)
    spool.put([trade(1), trade(2), trade(3, of=ETH), trade(4), trade(5)], MOMENT)
    spool.prove(b"said")
    (segment,) = await spool.segments()
    data = segment.path.read_bytes()
    segment.path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert [spool.trade(record).id for record in await spool.records(segment)] == ["1", "2", "3", "4"]
    assert told.lost_trades == [(BTC.name, Mark("4", MOMENT + 4_000_000, "4"), Mark("5", MOMENT + 5_000_000, "5"), 1)]
    assert not (tmp_path / "a-1" / "proof").exists()
    segment.path.write_bytes(data[:20])
    assert list(await spool.records(segment)) == []
    assert told.lost_trades[1:] == [
        (BTC.name, Mark("1", MOMENT + 1_000_000, "1"), Mark("5", MOMENT + 5_000_000, "5"), 4),
        (ETH.name, Mark("3", MOMENT + 3_000_000, "3"), Mark("3", MOMENT + 3_000_000, "3"), 1),
    ]
    await spool.close()


async def test_what_a_process_has_said_of_its_folder_is_found_by_the_next(tmp_path: Path) -> None:
    first = await opened(tmp_path, Told())
    first.put([trade(1)], MOMENT)
    first.prove(b"up to 1")
    first.put([trade(2)], MOMENT)
    first.prove(b"up to 2")
    assert first.oldest == trade(1).received
    await first.close()
    second = await opened(tmp_path, Told(), process="b-2")
    (left,) = second.left
    assert (left.proof, left.torn) == (b"up to 2", None)
    assert left.newest == {BTC.name: Mark("2", MOMENT + 2_000_000, "2")}
    before = second.delivers_others
    for segment in await second.segments():
        await second.remove(segment)
    assert (before, second.delivers_others) == (True, False)
    assert names(tmp_path) == ["b-2"]
    await second.close()


async def test_what_is_given_up_makes_untrue_what_was_said_or_is_to_be_said(tmp_path: Path) -> None:
    spool = await opened(tmp_path, Told(), most=16 * 1024)
    spool.put([trade(number) for number in range(6)], MOMENT)
    spool.prove(b"said")
    await spool.settle()
    spool.put([trade(number) for number in range(100, 200)], MOMENT)
    spool.prove(b"to be said")
    await spool.settle()
    assert spool.given_up > 0
    assert not (tmp_path / "a-1" / "proof").exists()
    spool.prove(b"said later")
    await spool.settle()
    assert (tmp_path / "a-1" / "proof").read_bytes() == b"said later"
    await spool.close()


async def test_what_is_said_comes_after_what_was_put_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = await opened(tmp_path, Told())
    counts: list[int] = []
    real = Folder.prove

    def prove(folder: Folder, proof: bytes) -> None:
        counts.append(folder.count)
        real(folder, proof)

    monkeypatch.setattr(Folder, "prove", prove)
    spool.put([trade(1), trade(2)], MOMENT)
    spool.prove(b"x")
    spool.put([trade(3)], MOMENT)
    await spool.settle()
    assert (counts, spool.trades) == ([2], 3)
    assert spool.size == sum(file.stat().st_size for file in (tmp_path / "a-1").iterdir())
    await spool.close()


async def test_a_disk_that_takes_no_more_leaves_what_was_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = await opened(tmp_path, Told())
    spool.put([trade(1)], MOMENT)
    spool.prove(b"before")
    await spool.settle()

    def full(path: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        spool.prove(b"after")
        await spool.settle()
    assert "No space left" in caplog.text
    assert (tmp_path / "a-1" / "proof").read_bytes() == b"before"
    await spool.close()


async def test_a_root_that_cannot_be_used_is_said_and_spools_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    (tmp_path / "file").write_text("")
    spool = await opened(tmp_path / "file", told)
    assert spool.behind
    assert "cannot be used" in caplog.text
    spool.put([trade(1)], MOMENT)
    await spool.close()
    assert told.count == 1


async def test_what_cannot_be_delivered_is_told(tmp_path: Path) -> None:
    told = Told()
    spool = await opened(tmp_path, told)
    spool.give_up([trade(3), trade(1)])
    assert told.lost_trades == [(BTC.name, Mark("1", MOMENT + 1_000_000, "1"), Mark("3", MOMENT + 3_000_000, "3"), 2)]
    await spool.close()


async def test_what_is_given_up_behind_a_segment_that_is_being_delivered_is_another_run(tmp_path: Path) -> None:
    told = Told()
    spool = await opened(tmp_path, told, most=4_000)

    async def put(first: int, last: int) -> None:
        for number in range(first, last):
            spool.put([trade(number)], MOMENT)
            await spool.settle()

    await put(1, 60)
    before = len(told.runs)
    assert before
    assert set(told.runs) == {told.runs[0]}
    await spool.records((await spool.segments())[0])
    await put(60, 120)
    assert set(told.runs[before:]) == {told.runs[0] + 1}
    await spool.close()
