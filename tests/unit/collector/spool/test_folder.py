"""A process's folder on disk, and what the next process finds in it after any end of the first."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metdc_collector.spool.folder import Folder, Torn, by_age
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
    found, torn, summaries = adopted
    assert ids(found) == [1, 2, 3, 4]
    assert (found.count, torn) == (4, None)
    assert [each.count for each in summaries] == [2, 2]
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
        found, torn, _ = adopted
        assert ids(found) == written[: len(written) - lost]
        assert (torn is not None) == cut, "a record that is not whole is told"
        found.close()


def test_a_torn_tail_is_told_with_the_last_good_trade(tmp_path: Path) -> None:
    folder = Folder.create(tmp_path / "a")
    folder.append(*batch(1, 2))
    folder.append(*batch(3))
    died(folder)
    file = tmp_path / "a" / "00000001.trades"
    file.write_bytes(file.read_bytes()[:-1])
    adopted = Folder.adopt(tmp_path / "a")
    assert adopted is not None
    assert adopted[1] == Torn(tmp_path / "a", trade(2).received)
    died(adopted[0])
    again = Folder.adopt(tmp_path / "a")
    assert again is not None
    assert again[1] is None, "told once"
    assert ids(again[0]) == [1, 2]


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
