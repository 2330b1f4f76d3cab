"""Tasks end, also those that miss a cancellation."""

import asyncio

import pytest

from metdc_collector import tasks
from metdc_collector.tasks import end


async def test_a_task_that_misses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_AGAIN", 0.01)
    missed = 0

    async def ask_for_ever() -> None:
        nonlocal missed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                missed += 1  # as with a reply that came in the same turn
                if missed > 2:
                    raise

    task = asyncio.create_task(ask_for_ever())
    await asyncio.sleep(0)
    await end([task])
    assert task.cancelled()
    assert missed == 3


@pytest.mark.parametrize("error", [None, ValueError("broken")], ids=["done", "failed"])
async def test_a_task_that_has_ended_already_is_no_obstacle(error: Exception | None) -> None:
    async def over() -> None:
        if error is not None:
            raise error

    task = asyncio.create_task(over())
    await asyncio.sleep(0)
    await end([task])
    assert task.done()


async def test_nothing_to_end_is_soon_done() -> None:
    await end([])
