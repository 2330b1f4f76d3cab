"""Several publishers of one instrument, each as far behind as it likes, and the stream that comes of it.

A model of what surrounds the rules of :mod:`metdc_collector.continuity`: a venue that numbers its trades, connections
that come and go, publishers whose messages wait in a queue of their own, a stream that knows each id once. The model
may take any interleaving. What the rules have to keep: a trade that is stored after one that the venue produced later
is marked ``late``, and every trade that reached a publisher is stored.

Only one thing is taken for granted: whoever lets an instrument in because it has waited long enough has waited longer
than every other publisher is behind. That is what the timers ``hold`` and ``hold_behind_peer`` are for.
"""

from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metdc_collector.continuity import Joining, Newest, Order, may_join, split, unstored
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, trade

PUBLISHERS = 2
EVENTS = ("trade", "trade", "trade", "deliver", "deliver", "deliver", "step", "step", "connect", "leave")
actions = st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, PUBLISHERS - 1)), min_size=15, max_size=60)


@dataclass
class Publisher:
    order: Order
    queue: deque[Trade] = field(default_factory=deque)
    joining: Joining | None = None
    connected: bool = False
    waiting: list[Joining] = field(default_factory=list)


@dataclass
class World:
    """A venue, its publishers, and the stream."""

    consecutive: bool
    snapshot: int = 0
    produced: list[Trade] = field(default_factory=list)
    stream: list[Trade] = field(default_factory=list)
    received: set[str] = field(default_factory=set)
    publishers: list[Publisher] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.publishers = [Publisher(Order(self.consecutive)) for _ in range(PUBLISHERS)]

    @property
    def newest(self) -> Newest | None:
        last = self.stream[-1] if self.stream else None
        return None if last is None else Newest(last.id, last.time, last.late, last.seq)

    def trade(self, at: int) -> None:
        """The venue produces a trade; every connection gets it."""
        made = trade(len(self.produced), at=at)
        self.produced.append(made)
        for publisher in self.publishers:
            if publisher.connected:
                self.received.add(made.id)
                if publisher.joining is not None:
                    publisher.joining.add([made], replayed=False, now=0, known=0)
                else:
                    publisher.queue.append(publisher.order.mark([made])[0])

    def connect(self, publisher: Publisher) -> None:
        if publisher.connected:
            return
        publisher.connected, publisher.joining = True, Joining(BTC)
        publisher.waiting.append(publisher.joining)
        replayed = self.produced[-self.snapshot :] if self.snapshot else []
        publisher.joining.add(replayed, replayed=True, now=0, known=0)
        self.received |= {each.id for each in replayed}

    def leave(self, publisher: Publisher) -> None:
        publisher.connected, publisher.joining = False, None

    def deliver(self, publisher: Publisher) -> None:
        """The stream takes one message, unless it knows its id."""
        if publisher.queue:
            message = publisher.queue.popleft()
            if message.id not in {each.id for each in self.stream}:
                self.stream.append(message)

    def step(self, publisher: Publisher) -> None:
        """Let in what may join, the earliest first."""
        for joining in list(publisher.waiting):
            if joining.trades and not (
                self.due(joining) or may_join(joining, self.newest, consecutive=self.consecutive)
            ):
                return
            rows = split(joining.trades[: joining.replayed], self.newest, 0)
            held = {each.message_id: each.time for each in self.stream}
            for each in (*unstored(rows, held), *joining.trades[joining.replayed :]):
                publisher.queue.append(publisher.order.mark([each])[0])
            if joining.trades or joining is not publisher.joining:
                publisher.waiting.remove(joining)
            if joining.trades and joining is publisher.joining:
                publisher.joining = None

    def due(self, joining: Joining) -> bool:
        """Whether nobody is further behind: no trade before the first held one is on its way, or held by another."""
        first = int(joining.trades[0].id)
        on_their_way = [each for other in self.publishers for each in other.queue]
        others = [each for other in self.publishers for held in other.waiting for each in held.trades]
        return not any(int(each.id) < first for each in (*on_their_way, *others))

    def settle(self) -> None:
        """Let everything arrive."""
        while any(publisher.queue or any(each.trades for each in publisher.waiting) for publisher in self.publishers):
            for publisher in self.publishers:
                while publisher.queue:
                    self.deliver(publisher)
                self.step(publisher)


def run(world: World, doings: list[tuple[str, int]], times: list[int]) -> None:
    at = 0
    world.connect(world.publishers[0])
    world.trade(at)
    world.step(world.publishers[0])  # nobody else is there: the first publisher waits for nobody
    for place, (doing, number) in enumerate(doings):
        publisher = world.publishers[number]
        if doing == "trade":
            at += times[place % len(times)]
            world.trade(at)
        else:
            {"deliver": world.deliver, "step": world.step, "connect": world.connect, "leave": world.leave}[doing](
                publisher
            )
    world.settle()


def assert_in_order_and_whole(world: World) -> None:
    newest = -1
    for message in world.stream:
        assert int(message.id) > newest or message.late
        newest = max(newest, int(message.id))
    assert {message.id for message in world.stream} == world.received
    assert len(world.stream) == len(world.received)


@settings(max_examples=300)
@given(actions)
def test_with_consecutive_ids_nobody_is_overtaken(doings: list[tuple[str, int]]) -> None:
    world = World(consecutive=True)
    run(world, doings, [1])
    assert_in_order_and_whole(world)


@pytest.mark.parametrize("snapshot", [0, 1, 3, 50])
@settings(max_examples=300)
@given(doings=actions, times=st.lists(st.sampled_from([0, 0, 0, 1]), min_size=1, max_size=10))
def test_without_ids_nobody_is_overtaken_whether_snapshots_reach_back_or_not(
    snapshot: int, doings: list[tuple[str, int]], times: list[int]
) -> None:
    world = World(consecutive=False, snapshot=snapshot)
    run(world, doings, times)
    assert_in_order_and_whole(world)


def test_the_model_sees_a_publisher_that_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "due", lambda world, joining: True)
    world = World(consecutive=True)
    run(world, [("trade", 0), ("connect", 1), ("trade", 0), ("step", 1), ("deliver", 1)], [1])
    with pytest.raises(AssertionError):
        assert_in_order_and_whole(world)
