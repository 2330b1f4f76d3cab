"""The form of spooled trades: what is written comes back, and damage ends it there."""

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.history import Mark
from metdc_collector.spool import record
from metdc_collector.spool.record import (
    MAGIC,
    Contents,
    Edges,
    Trades,
    contents,
    merge,
    pack,
    read_index,
    unpack,
    without,
    write_index,
)
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, ETH, MOMENT, aggregate, trade

TRADES = (
    trade(1),
    trade(2, of=ETH)._replace(late=True, kind="block", sent=7),
    trade(3)._replace(quantity=None, contracts="4", backfilled=True),
    aggregate(4, 10, 12, at=9_000_000),
)


def written(trades: tuple[Trade, ...] = TRADES) -> bytes:
    return MAGIC + b"".join(pack(each, MOMENT + number) for number, each in enumerate(trades))


def test_what_is_packed_comes_back_equal() -> None:
    reader = Trades()
    records = [found for found, _ in unpack(written(), len(MAGIC))]
    assert tuple(reader.read(each) for each in records) == TRADES
    assert [each.message_id for each in records] == [each.message_id for each in TRADES]
    assert [each.known for each in records] == [MOMENT + number for number in range(4)]


@given(st.integers(min_value=0, max_value=len(written())))
def test_of_a_file_that_ends_anywhere_the_whole_records_are_kept(end: int) -> None:
    data = written()
    ends = [each for _, each in unpack(data, len(MAGIC))]
    assert contents(data[:end]).count == sum(1 for each in ends if each <= end)


@given(st.integers(min_value=0, max_value=len(written()) - 1), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_ends_the_reading_before_its_record(place: int, by: int) -> None:
    data = bytearray(written())
    ends = [end for _, end in unpack(bytes(data), len(MAGIC))]
    data[place] ^= by
    sound = 0 if place < len(MAGIC) else sum(1 for end in ends if end <= place)
    assert contents(bytes(data)).count == sound


def test_another_kind_of_record_is_left_to_a_later_version() -> None:
    later = pack(trade(1), 5)
    content = bytes([2]) + later[9:]
    damaged = later[:4] + crc32(content).to_bytes(4, "little") + content
    assert list(unpack(damaged)) == []


def test_a_payload_of_another_form_ends_the_reading() -> None:
    content = record._HEAD.pack(1, 5, 1) + b"x" + b'{"v":2}'
    frame = record._FRAME.pack(len(content), crc32(content))
    assert contents(MAGIC + frame + content).count == 0


def test_the_edges_are_the_earliest_and_the_latest_by_the_exchanges_time() -> None:
    found = contents(written((trade(5), trade(3), trade(9), trade(7), trade(9, at=9_000_000), trade(1, of=ETH))))
    only = Mark("1", MOMENT + 1_000_000, "1")
    first, last = Mark("3", MOMENT + 3_000_000, "3"), Mark("9", MOMENT + 9_000_000, "9")
    assert found.edges == {BTC.name: Edges(first, last, 5), ETH.name: Edges(only, only)}
    assert (found.count, found.since) == (6, MOMENT)
    assert (found.oldest, found.newest) == (MOMENT + 5_000_000, MOMENT + 1_000_000)
    assert found.size == len(written((trade(5), trade(3), trade(9), trade(7), trade(9), trade(1, of=ETH))))


def test_an_index_tells_the_same_as_its_segment() -> None:
    found = contents(written())
    assert read_index(write_index(found)) == found


@given(st.integers(min_value=0, max_value=len(write_index(contents(written()))) - 1))
def test_a_torn_index_is_none(end: int) -> None:
    assert read_index(write_index(contents(written()))[:end]) is None


@given(st.lists(st.integers(min_value=1, max_value=50), max_size=20), st.integers(min_value=0, max_value=20))
def test_two_summaries_together_are_the_summary_of_all(numbers: list[int], cut: int) -> None:
    trades = [trade(number, of=(BTC, ETH)[number % 2]) for number in numbers]

    def summary(part: list[Trade]) -> Contents:
        found = Contents()
        for each in part:
            found.add(each, each.time, 100)
        return found

    joined = summary(trades[:cut])
    if trades[cut:]:
        joined.extend(summary(trades[cut:]))
    assert joined == summary(trades)


def test_merged_edges_leave_their_sources_alone() -> None:
    one, other = contents(written((trade(1),))), contents(written((trade(2),)))
    into: dict[str, Edges] = {}
    merge(into, one.edges)
    merge(into, other.edges)
    assert into[BTC.name].count == 2
    assert one.edges[BTC.name].count == 1


def test_what_a_good_part_lacks_begins_behind_its_last_trade() -> None:
    first, second, third = (Mark(str(number), number, str(number)) for number in (1, 2, 3))
    whole = {"A": Edges(first, third, 3), "B": Edges(first, first), "C": Edges(first, second, 2)}
    good = {"A": Edges(first, second, 2), "B": Edges(first, first)}
    assert without(whole, good) == {"A": Edges(second, third, 1), "C": Edges(first, second, 2)}
