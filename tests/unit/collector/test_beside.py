"""Work beside other work ends with it."""

import asyncio

import pytest

from metdc_collector import tasks
from metdc_collector.tasks import beside, kept


class Deaf:
    """Work that loses its first cancellations, as nats-py does when a reply arrives in the same turn of the loop."""

    def __init__(self, losses: int) -> None:
        self.losses = losses
        self.ended = False

    async def __call__(self) -> None:
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                if not self.losses:
                    self.ended = True
                    raise
                self.losses -= 1


@pytest.mark.parametrize("losses", [0, 1, 2])
async def test_work_that_loses_a_cancellation_ends_with_a_block_that_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, losses: int
) -> None:
    monkeypatch.setattr(tasks, "_AGAIN", 0.01)
    work = Deaf(losses)

    async def block() -> None:
        async with beside(work()):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(block())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait({task})
    assert task.cancelled()
    assert work.ended


async def test_a_block_that_fails_tells_its_own_error() -> None:
    async def block() -> None:
        async with beside(Deaf(0)()):
            raise KeyError("block")

    with pytest.raises(KeyError, match="block"):
        await block()


async def test_work_that_ends_unforeseen_is_logged_and_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    times: list[float] = []

    async def work() -> None:
        if not times:
            raise ValueError("a surprise")

    async def sleep(seconds: float) -> None:
        times.append(seconds)

    await kept(work, sleep=sleep)
    assert times == [1.0]
    assert "a surprise" in caplog.text
