"""Back-filled trades beside a process that stores the same instrument's: none goes unmarked behind a newer one."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

from metdc_collector.continuity import Newest
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, MOMENT, trade
from tests.unit.collector.publisher.test_gate import Rig, Sink, Stream

SUBJECT = BTC.subject
FOREIGN = "another publisher's"


class Shared(Stream):
    """A stream that takes a message behind its subject's last one, and in which others write between."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Callable[[], None]] = []
        self.looked = 0

    async def last(self, subjects: Sequence[str]) -> dict[str, tuple[int, Newest | None]]:
        assert list(subjects) == [SUBJECT]
        self.looked += 1
        found: dict[str, tuple[int, Newest | None]] = {}
        if self.rows:
            row = self.rows[-1]
            foreign = row.id == FOREIGN
            found[SUBJECT] = len(self.rows), None if foreign else Newest(row.id, row.time, row.late, row.seq)
        if self.others:
            self.others.pop(0)()
        return found

    async def store_behind(self, new: Trade, last: int) -> int | None:
        if self.away:
            raise LookFailed("no answer")
        if last != len(self.rows):
            return None
        self.rows.append(new)
        return len(self.rows)


def beside_another() -> tuple[Rig, Shared]:
    rig, stream = Rig(peers=True), Shared()
    rig.sink.looks = stream
    rig.sink.store_behind = stream.store_behind  # type: ignore[attr-defined]
    return rig, stream


def marks(rows: Sequence[Trade]) -> list[tuple[str, bool]]:
    return [(row.id, row.late) for row in rows]


async def test_they_are_stored_one_behind_the_other_after_one_look() -> None:
    rig, stream = beside_another()
    stream.rows = [trade(4)]
    await rig.gate.restore([trade(5), trade(6), trade(7)], MOMENT)
    assert marks(stream.rows) == [("4", False), ("5", False), ("6", False), ("7", False)]
    assert (stream.looked, rig.sink.published) == (1, [])


async def test_the_first_of_an_instrument_is_stored_where_there_is_none() -> None:
    rig, stream = beside_another()
    await rig.gate.restore([trade(5)], MOMENT)
    assert marks(stream.rows) == [("5", False)]


async def test_a_newer_one_that_another_stores_between_look_and_write_makes_the_rest_late() -> None:
    rig, stream = beside_another()
    stream.others = [lambda: stream.rows.append(trade(9))]
    await rig.gate.restore([trade(5), trade(6)], MOMENT)
    assert marks(stream.rows) == [("9", False)]
    assert marks(rig.sink.published) == [("5", True), ("6", True)]
    rig.receive(trade(8), trade(10))
    assert marks(rig.sink.published[2:]) == [("8", True), ("10", False)]


async def test_an_older_one_that_another_stores_between_look_and_write_changes_nothing() -> None:
    rig, stream = beside_another()
    stream.others = [lambda: stream.rows.append(trade(4))]
    await rig.gate.restore([trade(5)], MOMENT)
    assert marks(stream.rows) == [("4", False), ("5", False)]
    assert rig.sink.published == []


async def test_behind_a_late_one_the_newest_is_searched_for() -> None:
    rig, stream = beside_another()
    stream.rows = [trade(9), trade(3)._replace(late=True)]
    await rig.gate.restore([trade(5), trade(10)], MOMENT)
    assert marks(rig.sink.published) == [("5", True)]
    assert marks(stream.rows[2:]) == [("10", False)]


async def test_another_publishers_message_says_nothing_of_the_order() -> None:
    rig, stream = beside_another()
    stream.rows = [trade(FOREIGN, at=9)]
    await rig.gate.restore([trade(5)], MOMENT)
    assert marks(stream.rows) == [(FOREIGN, False), ("5", False)]


async def test_what_the_server_does_not_tell_of_is_published_as_usual() -> None:
    rig, stream = beside_another()
    stream.away = True
    await rig.gate.restore([trade(5)], MOMENT)
    assert marks(rig.sink.published) == [("5", False)]


async def test_while_a_spool_is_delivered_they_are_published_as_usual() -> None:
    rig, stream = beside_another()
    rig.sink.overflow = SimpleNamespace(busy=True)
    await rig.gate.restore([trade(5)], MOMENT)
    assert (marks(rig.sink.published), stream.looked) == ([("5", False)], 0)


async def test_without_others_nobody_is_asked() -> None:
    rig = Rig()
    assert isinstance(rig.sink, Sink)
    await rig.gate.restore([trade(5), trade(6)], MOMENT)
    assert marks(rig.sink.published) == [("5", False), ("6", False)]
