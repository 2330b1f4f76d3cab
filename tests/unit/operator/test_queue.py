"""Keys that are to be looked at."""

import asyncio

import pytest

from metdc_operator.reconcile.queue import Queue, backoff


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_key_stands_once_however_often_it_is_added() -> None:
    queue: Queue[str] = Queue(Clock())
    for key in ("a", "b", "a"):
        queue.add(key)

    assert len(queue) == 2
    assert [await queue.get(), await queue.get()] == ["a", "b"]


async def test_a_key_is_not_worked_on_twice_at_once_and_not_forgotten_meanwhile() -> None:
    queue: Queue[str] = Queue(Clock())
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    assert len(queue) == 0

    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_of_several_later_times_the_earliest_counts() -> None:
    clock = Clock()
    queue: Queue[str] = Queue(clock)
    queue.add("a", after=30)
    queue.add("a", after=10)
    queue.add("a", after=20)
    clock.now += 10

    assert await queue.get() == "a"
    queue.done("a")
    clock.now += 30
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.add("b")
    assert await waiting == "b"


async def test_a_later_key_wakes_who_waits() -> None:
    queue: Queue[str] = Queue(asyncio.get_running_loop().time)
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a", after=0.01)

    assert await asyncio.wait_for(waiting, 5) == "a"


async def test_the_oldest_key_tells_how_long_it_waits_or_is_worked_on() -> None:
    clock = Clock()
    queue: Queue[str] = Queue(clock)
    assert queue.oldest() == 0
    queue.add("a")
    clock.now += 5
    assert queue.oldest() == 5
    await queue.get()
    clock.now += 7
    assert queue.oldest() == 7


@pytest.mark.parametrize(("refusals", "seconds"), [(0, 1.0), (1, 2.0), (4, 30.0), (5, 30.0), (1000, 30.0)])
def test_a_refused_key_is_looked_at_again_ever_later_up_to_a_bound(refusals: int, seconds: float) -> None:
    assert backoff(refusals) == seconds
