"""The trades between acceptance and acknowledgement: nothing is lost, order is kept or told."""

import json
from collections import defaultdict
from typing import cast

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from metdc_collector.continuity import Newest
from metdc_collector.publisher import window as module
from metdc_collector.publisher.window import Entry, Window, message
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, ETH, MOMENT, trade


def window(*numbers: int, known: int = 1) -> Window:
    made = Window("_INBOX.x")
    for number in numbers:
        made.add([trade(number)], known)
    return made


def ids(entries: list[Entry]) -> list[str]:
    return [entry.trade.id for entry in entries]


NAMED_IN_CHINESE = Instrument("binance", "futures", "币安人生USDT", "币安人生", "USDT")


@pytest.mark.parametrize("of", [BTC, NAMED_IN_CHINESE], ids=["ASCII", "Chinese"])
def test_a_message_is_published_with_its_id_and_asks_for_its_answer(of: Instrument) -> None:
    control, version, identity, empty, payload, end = message(trade(5, of=of), 17, "_INBOX.x").split(b"\r\n")
    headers = b"\r\n".join([version, identity, empty, b""])
    assert identity.decode() == f"Nats-Msg-Id: {of.message_prefix}5"
    assert control.decode() == f"HPUB {of.subject} _INBOX.x.17 {len(headers)} {len(headers) + len(payload)}"
    assert (version, empty, end) == (b"NATS/1.0", b"", b"")
    assert json.loads(payload)["id"] == "5"


def test_trades_are_taken_in_the_order_in_which_they_came() -> None:
    made = window(1, 2, 3)
    assert ids(made.take(9, 0)) == ["1", "2", "3"]
    assert (len(made), len(made.queue), len(made.in_flight)) == (3, 0, 3)


def test_what_is_acknowledged_leaves() -> None:
    made = window(1)
    [entry] = made.take(9, 0)
    assert made.acknowledge([entry.number]) == [entry]
    assert (len(made), made.bytes) == (0, 0)


def test_it_waits_for_what_is_not_acknowledged_and_for_nothing_later() -> None:
    made = window(7, 8)
    last = made.last
    assert made.waits_for(last)
    made.take(5, 0)
    made.acknowledge([1])
    assert made.waits_for(last)
    assert not made.waits_for(1)
    made.acknowledge([2])
    made.add([trade(9)], 1)
    assert (last, made.waits_for(last), made.waits_for(made.last)) == (2, False, True)


def test_a_second_acknowledgement_is_nothing_new() -> None:
    made = window(1)
    [entry] = made.take(9, 0)
    made.acknowledge([entry.number])
    assert made.acknowledge([entry.number, 99]) == []


def test_no_more_than_the_window_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 2)
    made = window(1, 2, 3)
    assert ids(made.take(9, 0)) == ["1", "2"]
    assert made.take(9, 0) == []


def test_what_must_be_looked_up_first_holds_up_what_follows() -> None:
    made = window(1, known=5)
    made.add([trade(2)], 3)
    made.add([trade(3)], 5)
    assert ids(made.take(9, fresh_since=4)) == ["1"]
    assert ids(made.stale(4)) == ["2"]


def test_a_look_takes_no_more_than_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 2)
    assert ids(window(1, 2, 3).stale(9)) == ["1", "2"]


def test_it_is_full_when_its_bytes_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made = window(1)
    found = []
    for most in (made.bytes + 1, made.bytes):
        monkeypatch.setattr(module, "MOST_BYTES", most)
        found.append(made.full)
    assert found == [False, True]


def test_of_nothing_there_is_no_oldest() -> None:
    assert window().oldest is None


def test_the_oldest_is_in_flight_before_it_waits_in_the_queue() -> None:
    made = window(1)
    assert made.oldest is made.queue[0]
    [entry] = made.take(9, 0)
    made.add([trade(2)], 1)
    assert made.oldest is entry


def test_answers_may_come_in_any_order() -> None:
    made = window(1, 2, 3)
    _, second, third = made.take(9, 0)
    made.acknowledge([third.number, second.number])
    made.rewind()
    assert [entry.trade.late for entry in made.queue] == [True]


def test_what_was_written_lately_can_still_be_answered() -> None:
    made = window(1, 2)
    first, second = made.take(9, 0)
    found = [made.settled(9)]
    for number in (first.number, second.number, 999):
        made.fail(number)
        found.append(made.settled(9))
    assert found == [False, False, True, True]


def test_what_was_written_long_ago_cannot() -> None:
    made = window(1)
    made.take(9, 0)
    assert made.settled(10)


def test_what_goes_back_is_taken_first_and_in_order() -> None:
    made = window(1, 2)
    for entry in made.take(9, 0):
        made.fail(entry.number)
    made.add([trade(3)], 1)
    assert made.rewind() == 2
    assert ids(made.take(10, 0)) == ["1", "2", "3"]
    assert not any(entry.failed for entry in made.in_flight.values())


def test_what_a_later_trade_has_overtaken_goes_back_as_late() -> None:
    made = window(1, 2)
    _, second = made.take(9, 0)
    made.acknowledge([second.number])
    before = made.bytes
    made.rewind()
    [entry] = made.take(10, 0)
    assert entry.trade.late
    assert json.loads(entry.message.split(b"\r\n")[-2])["late"] is True
    assert made.bytes == len(entry.message) == before + len(',"late":true') == made.bytes


def test_a_number_is_given_out_once_also_where_a_trade_cannot_be_written() -> None:
    made = window(1)
    with pytest.raises(AttributeError):
        made.add([trade(2), cast("Trade", None), trade(3)], 1)
    made.add([trade(4)], 1)
    numbers = [entry.number for entry in made.queue]
    assert ids(list(made.queue)) == ["1", "2", "4"]
    assert len(set(numbers)) == 3
    assert made.bytes == sum(len(entry.message) for entry in made.queue)


def test_another_symbol_overtakes_nobody() -> None:
    made = window(1)
    made.add([trade(2, of=ETH)], 1)
    _, other = made.take(9, 0)
    made.acknowledge([other.number])
    made.rewind()
    assert not made.queue[0].trade.late


def test_what_the_stream_holds_is_dropped_after_a_look() -> None:
    made = window(1, 2, known=1)
    held = {BTC.subject: {trade(1).message_id: trade(1).time}}
    assert made.looked_up(made.stale(5), held, 7) == 1
    [entry] = made.take(9, 5)
    assert (entry.trade.id, entry.known, entry.trade.late) == ("2", 7, False)
    assert made.bytes == len(entry.message)


def test_what_comes_after_a_stored_newer_trade_is_late_after_a_look() -> None:
    made = window(1, known=1)
    made.looked_up(made.stale(5), {BTC.subject: {"of another": trade(2).time}}, 7)
    assert made.queue[0].trade.late
    assert made.bytes == len(made.queue[0].message)


def test_what_is_late_already_is_so_once() -> None:
    made = Window("_INBOX.x")
    made.add([trade(1)._replace(late=True)], 1)
    before = made.queue[0].message
    made.looked_up(made.stale(5), {BTC.subject: {"of another": trade(2).time}}, 7)
    assert made.queue[0].message is before


def test_the_subjects_of_all_entries_are_told_once() -> None:
    made = window(1, 2)
    made.take(9, 0)
    made.add([trade(3, of=ETH)], 1)
    assert made.subjects == [BTC.subject, ETH.subject]


def test_what_comes_after_a_newer_stored_trade_is_late() -> None:
    made = window(1, 2, 3)
    made.add([trade(1, of=ETH)], 1)
    made.mark_late({BTC.subject: Newest("2", trade(2).time, seq="2")})
    assert [entry.trade.late for entry in made.queue] == [True, False, False, False]


def test_trades_that_came_during_a_look_are_untouched_by_it() -> None:
    made = window(1, known=1)
    entries = made.stale(5)
    made.add([trade(2)], 9)
    made.looked_up(entries, {}, 7)
    assert ids(list(made.queue)) == ["1", "2"]
    assert made.queue[1].known == 9


class Server(RuleBasedStateMachine):
    """A window, a stream that may refuse, forget to answer or be cut off, and a model of what was accepted.

    The stream is this publisher's alone: what another stores meanwhile is the gate's matter.
    """

    @initialize()
    def start(self) -> None:
        self.window = Window("_INBOX.x")
        self.now = 1
        self.accepted: list[Trade] = []
        self.stream: list[Trade] = []
        self.wire: list[Entry] = []
        self.answers: list[tuple[int, bool]] = []
        self.done: set[str] = set()

    @rule(of=st.sampled_from([BTC, ETH]), count=st.integers(1, 5))
    def accept(self, of: object, count: int) -> None:
        for _ in range(count):
            made = trade(len(self.accepted), of=BTC if of is BTC else ETH)
            self.accepted.append(made)
            self.window.add([made], self.now)

    @rule()
    def write(self) -> None:
        self.now += 1
        self.wire += self.window.take(self.now, 0)

    @precondition(lambda self: self.wire)
    @rule(stored=st.booleans(), count=st.integers(1, 6))
    def serve(self, stored: bool, count: int) -> None:
        """The server takes what was written in turn, or refuses it; it answers later."""
        for entry in self.wire[:count]:
            if stored and entry.trade.id not in {each.id for each in self.stream}:
                self.stream.append(entry.trade)
            self.answers.append((entry.number, stored))
        del self.wire[:count]

    @precondition(lambda self: self.answers)
    @rule(count=st.integers(1, 6))
    def answer(self, count: int) -> None:
        """What a chunk brings: the stored ones first, all at once."""
        numbers = [number for number, stored in self.answers[:count] if stored]
        self.done |= {entry.trade.id for entry in self.window.acknowledge(numbers)}
        for number, stored in self.answers[:count]:
            if not stored:
                self.window.fail(number)
        del self.answers[:count]

    @rule()
    def look(self) -> None:
        """Everything that waits is compared with the stream."""
        held: dict[str, dict[str, int]] = defaultdict(dict)
        for each in self.stream:
            held[each.instrument.subject][each.message_id] = each.time
        self.now += 1
        entries = self.window.stale(self.now)
        waiting = set(ids(entries))
        self.window.looked_up(entries, held, self.now)
        self.done |= waiting - {entry.trade.id for entry in self.window.queue}

    @precondition(lambda self: not self.wire)
    @rule()
    def begin_again(self) -> None:
        """All that was written has been refused or answered: the rest goes back."""
        self.answer(count=len(self.answers))
        self.now += 1
        if self.window.settled(self.now):
            self.window.rewind()

    @rule()
    def cut(self) -> None:
        """The connection is lost with what it carried, answers included, and a new one comes up."""
        self.wire.clear()
        self.answers.clear()
        newest = {each.instrument.subject: Newest(each.id, each.time, each.late, each.seq) for each in self.stream}
        self.window.rewind()
        self.window.mark_late(newest)

    @invariant()
    def nothing_is_lost(self) -> None:
        kept = {entry.trade.id for entry in (*self.window.queue, *self.window.in_flight.values())}
        assert {each.id for each in self.accepted} == kept | self.done
        assert self.done <= {each.id for each in self.stream}

    @invariant()
    def bytes_are_accounted_for(self) -> None:
        entries = [*self.window.queue, *self.window.in_flight.values()]
        assert self.window.bytes == sum(len(entry.message) for entry in entries)
        assert len(self.window) == len(entries)

    @invariant()
    def entries_stand_in_the_order_in_which_they_were_accepted(self) -> None:
        numbers = [entry.number for entry in (*self.window.in_flight.values(), *self.window.queue)]
        assert numbers == sorted(set(numbers))

    @invariant()
    def order_is_kept_or_told(self) -> None:
        newest: dict[str, int] = {}
        for each in self.stream:
            subject = each.instrument.subject
            assert each.late or each.time >= newest.get(subject, MOMENT)
            newest[subject] = max(newest.get(subject, MOMENT), each.time)


test_whatever_the_server_does_nothing_is_lost_and_order_is_kept_or_told = Server.TestCase


@pytest.mark.parametrize(("name", "part"), [("low", 16), ("roomy", 64)])
def test_it_is_low_below_a_sixteenth_of_its_bound_and_roomy_below_a_quarter_of_that(
    monkeypatch: pytest.MonkeyPatch, name: str, part: int
) -> None:
    made = window(1)
    found = []
    for most in (part * made.bytes, part * made.bytes + part):
        monkeypatch.setattr(module, "MOST_BYTES", most)
        found.append(getattr(made, name))
    assert found == [False, True]


def test_its_entries_are_in_flight_first_and_the_last_is_known_by_number() -> None:
    assert window().last == 0
    made = window(1, 2, 3)
    made.take(1, 0)
    made.add([trade(4)], 0)
    assert [entry.trade.id for entry in made.entries] == ["1", "2", "3", "4"]
    assert made.last == 4


def test_what_waits_can_be_given_away() -> None:
    made = window(1, 2, 3)
    made.take(1, 0)
    made.rewind()
    assert [entry.trade.id for entry in made.give_away()] == ["1", "2", "3"]
    assert (len(made), made.bytes) == (0, 0)
