"""A simulator that did not run for a while doesn't blame its clients for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conformance.clients import client, ended, receive
from tests.simulator.testing import simulator


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a process not run meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def ping(number: int) -> str:
    """A frame that Phemex answers with the same number."""
    return json.dumps({"id": number, "method": "server.ping", "params": []})


async def test_frames_that_waited_for_it_count_as_evenly_as_they_may_have_come() -> None:
    async with (
        simulator(subprocess=True, only=["phemex"]) as sim,
        client(sim.websocket("phemex", "spot")) as socket,
    ):
        with stopped((await sim.state())["pid"]):
            for number in range(30):  # 15 a second of the 20 that are allowed
                await socket.send(ping(number))
                await asyncio.sleep(1 / 15)
        assert [(await receive(socket))["id"] for _ in range(30)] == list(range(30))
        assert (await sim.state())["violations"] == {}


async def test_more_frames_than_any_pace_allows_in_that_time_are_an_offence_all_the_same() -> None:
    async with (
        simulator(subprocess=True, only=["phemex"]) as sim,
        client(sim.websocket("phemex", "spot")) as socket,
    ):
        with stopped((await sim.state())["pid"]):
            for number in range(60):
                await socket.send(ping(number))
            await asyncio.sleep(1)
        assert (await ended(socket))[0] == 1008
