"""A process's folder on disk, and what the next process finds in it after any end of the first."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metdc_collector.spool.folder import Folder, by_age
from metdc_collector.spool.record import MAGIC, Contents, Trades, pack, unpack
from tests.unit.collector.made import MOMENT, trade


def batch(*numbers: int) -> tuple[bytes, Contents]:
    summary, parts = Contents(), []
    for number in numbers:
        parts.append(pack(trade(number), MOMENT))
        summary.add(trade(number), MOMENT, len(parts[-1]))
    return b"".join(parts), summary


def ids(folder: Folder) -> list[int]:
    reader = Trades()
    found = [record for segment in folder.segments for record, _ in unpack(segment.read(), len(MAGIC))]
    return [int(reader.read(record).id) for record in found]


def died(folder: Folder) -> None:
    """End as a process does that is killed: without a word, its lock gone."""
    os.close(folder._lock)
    if folder._file is not None:
        os.close(folder._file)


def test_the_next_process_finds_what_a_dead_one_left(tmp_path: Path) -> None:
    folder = Folder.create(tmp_path / "a")
    folder.append(*batch(1, 2))
    folder.finish()
    folder.append(*batch(3))
    folder.append(*batch(4))
    folder.sync()
    died(folder)
    adopted = Folder.adopt(tmp_path / "a")
    assert adopted is not None
    found, left = adopted
    assert ids(found) == [1, 2, 3, 4]
    assert (found.count, left.torn, left.proof) == (4, None, b"")
    assert [(name, edges.count) for name, edges in left.edges.items()] == [("BTCUSDT", 4)]
    assert found.size == sum(file.stat().st_size for file in (tmp_path / "a").iterdir())


def test_the_folder_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    folder = Folder.create(tmp_path / "a")
    folder.append(*batch(1))
    assert Folder.adopt(tmp_path / "a") is None
    folder.close()
    assert Folder.adopt(tmp_path / "a") is not None


def test_an_empty_folder_goes_with_its_process(tmp_path: Path) -> None:
    Folder.create(tmp_path / "a").close()
    assert list(tmp_path.iterdir()) == []
    assert Folder.adopt(tmp_path / "a") is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(min_value=1, max_value=99), min_size=1, max_size=5), min_size=1, max_size=6),
    st.sets(st.integers(min_value=0, max_value=5)),
    st.data(),
)
def test_a_crash_at_any_byte_leaves_a_prefix(batches: list[list[int]], ends: set[int], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Folder.create(Path(place) / "a")
        for number, numbers in enumerate(batches):
            folder.append(*batch(*numbers))
            if number in ends:
                folder.finish()
        died(folder)
        written = [number for numbers in batches for number in numbers]
        lost, cut = 0, False
        if folder.active.count:  # what is finished was synced; only the segment that was written to may be cut
            last = max((Path(place) / "a").glob("*.trades"))
            size = data.draw(st.integers(min_value=0, max_value=last.stat().st_size))
            whole = last.read_bytes()
            last.write_bytes(whole[:size])
            kept = [end for _, end in unpack(whole[:size], len(MAGIC))] if size >= len(MAGIC) else []
            lost, cut = folder.active.count - len(kept), size not in {len(MAGIC), *kept}
        adopted = Folder.adopt(Path(place) / "a")
        assert adopted is not None
        found, left = adopted
        assert ids(found) == written[: len(written) - lost]
        assert (left.torn is not None) == cut, "a record that is not whole is told"
        found.close()


def folder_with_a_tail(path: Path) -> tuple[Path, bytes, int]:
    """A folder of two finished trades and two that were being written; the file of these, and where the last begins."""
    folder = Folder.create(path)
    folder.append(*batch(1, 2))
    folder.finish()
    folder.append(*batch(3))
    last = folder.active.size
    folder.append(*batch(4))
    died(folder)
    file = path / "00000002.trades"
    return file, file.read_bytes(), last


def test_a_tail_that_is_cut_at_any_byte_of_the_last_record_is_dropped_and_told_once(tmp_path: Path) -> None:
    file, whole, last = folder_with_a_tail(tmp_path / "a")
    for size in range(last + 1, len(whole)):
        file.write_bytes(whole[:size])
        file.with_suffix(".index").unlink(missing_ok=True)
        adopted = Folder.adopt(tmp_path / "a")
        assert adopted is not None
        found, left = adopted
        assert (ids(found), left.torn) == ([1, 2, 3], trade(3).received)
        assert left.newest["BTCUSDT"].id == "3"
        died(found)
    again = Folder.adopt(tmp_path / "a")
    assert again is not None
    assert (ids(again[0]), again[1].torn) == ([1, 2, 3], None)
    died(again[0])


def test_a_flipped_bit_in_the_tail_drops_what_follows(tmp_path: Path) -> None:
    file, whole, last = folder_with_a_tail(tmp_path / "a")
    for place, good in ((last + 20, 3), (len(MAGIC) + 20, 2), (2, 2)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        file.with_suffix(".index").unlink(missing_ok=True)
        adopted = Folder.adopt(tmp_path / "a")
        assert adopted is not None
        assert (ids(adopted[0]), adopted[1].torn) == (list(range(1, good + 1)), trade(good).received)
        died(adopted[0])


def test_the_earliest_damage_counts(tmp_path: Path) -> None:
    file, whole, _ = folder_with_a_tail(tmp_path / "a")
    file.write_bytes(whole[:-1])
    first = tmp_path / "a" / "00000001.trades"
    first.write_bytes(first.read_bytes()[:-1])
    adopted = Folder.adopt(tmp_path / "a")
    assert adopted is not None
    assert (ids(adopted[0]), adopted[1].torn) == ([1, 3], trade(1).received)


def test_a_segment_without_its_index_is_read(tmp_path: Path) -> None:
    folder = Folder.create(tmp_path / "a")
    folder.append(*batch(1, 2))
    folder.finish()
    (segment,) = folder.segments
    expected = segment.contents()
    (tmp_path / "a" / "00000001.index").write_bytes(b"damaged")
    assert segment.contents() == expected


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder.create(tmp_path / "a")
    folder.append(*batch(1))
    real, room = os.write, [7]

    def write(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        count = real(file, bytes(data[: room[0]]))
        room[0] -= count
        return count

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        with pytest.raises(OSError, match="No space"):
            folder.append(*batch(2))
    folder.append(*batch(3))
    folder.finish()
    assert ids(folder) == [1, 3]


def test_segments_of_several_folders_come_by_age(tmp_path: Path) -> None:
    one, other = Folder.create(tmp_path / "b"), Folder.create(tmp_path / "a")
    for folder, number in ((one, 1), (other, 2), (one, 3)):
        folder.append(*batch(number))
        folder.finish()
    assert [segment.oldest - MOMENT for segment in by_age([other, one])] == [1_000_000, 2_000_000, 3_000_000]
