"""Direct gets: who gets which answer, and what is said when none comes."""

import asyncio
from typing import Any, cast

import nats.errors
import orjson
import pytest
from nats.aio.client import Client

from metdc_collector.publisher import direct
from metdc_collector.publisher.acks import Answer
from metdc_collector.publisher.direct import LookFailed, Looks

END = Answer("204 EOB", "", "", "", b"")
NONE = Answer("404 No Results", "", "", "", b"")


class StubClient:
    """Keeps what is published; the test gives the answers."""

    def __init__(self, error: Exception | None = None) -> None:
        self.published: asyncio.Queue[tuple[str, Any, str]] = asyncio.Queue()
        self._error = error

    async def publish(self, subject: str, payload: bytes, *, reply: str) -> None:
        if self._error is not None:
            raise self._error
        self.published.put_nowait((subject, orjson.loads(payload), reply))

    async def asked(self) -> tuple[int, Any]:
        """Return the number and the request of the next look."""
        _, request, reply = await asyncio.wait_for(self.published.get(), 5)
        return int(reply.rpartition(".")[2]), request


def looks() -> Looks:
    return Looks(inbox="_INBOX.a", api="$JS.API")


def message(sequence: int) -> Answer:
    return Answer("", "trades.x", str(sequence), f"id-{sequence}", b"{}")


def look(through: Looks, client: StubClient, **request: Any) -> asyncio.Task[list[Answer]]:
    return asyncio.create_task(through.get(cast(Client, client), "TRADES", request))


def newest(through: Looks, client: StubClient, *subjects: str) -> asyncio.Task[list[Answer]]:
    return asyncio.create_task(through.newest_of(cast(Client, client), "TRADES", subjects))


async def done(task: asyncio.Task[list[Answer]]) -> list[Answer]:
    return await asyncio.wait_for(task, 5)


async def test_a_look_asks_the_stream_and_is_answered_under_its_own_number() -> None:
    through, client = looks(), StubClient()
    task = look(through, client, seq=3)
    assert await asyncio.wait_for(client.published.get(), 5) == (
        "$JS.API.DIRECT.GET.TRADES",
        {"seq": 3},
        "_INBOX.a.look.0",
    )
    through.answer(0, message(3))
    through.answer(0, END)
    assert await done(task) == [message(3)]


async def test_two_looks_at_once_get_their_own_answers() -> None:
    through, client = looks(), StubClient()
    tasks = [look(through, client, seq=seq) for seq in (1, 2)]
    numbers = {request["seq"]: number for number, request in [await client.asked(), await client.asked()]}
    through.answer(numbers[2], message(2))
    through.answer(numbers[1], message(1))
    through.answer(numbers[2], message(22))
    through.answer(numbers[2], END)
    through.answer(numbers[1], END)
    assert [await done(task) for task in tasks] == [[message(1)], [message(2), message(22)]]


async def test_where_there_is_no_message_the_answer_is_empty() -> None:
    through, client = looks(), StubClient()
    task = look(through, client, multi_last=["trades.x"])
    number, _ = await client.asked()
    through.answer(number, NONE)
    assert await done(task) == []


async def test_a_lost_connection_ends_every_open_look() -> None:
    through, client = looks(), StubClient()
    tasks = [look(through, client, seq=seq) for seq in (1, 2)]
    numbers = [(await client.asked())[0] for _ in tasks]
    through.answer(numbers[0], message(1))
    through.lost()
    for task in tasks:
        with pytest.raises(LookFailed, match=r"DIRECT\.GET\.TRADES: the connection to NATS was lost"):
            await done(task)


async def test_a_look_that_was_answered_before_the_connection_was_lost_holds() -> None:
    through, client = looks(), StubClient()
    task = look(through, client, seq=1)
    number, _ = await client.asked()
    through.answer(number, message(1))
    through.answer(number, END)
    through.lost()
    assert await done(task) == [message(1)]


@pytest.mark.parametrize("status", ["408 Bad Request", "413 Too Many Results", "503"])
async def test_another_status_is_a_refusal(status: str) -> None:
    through, client = looks(), StubClient()
    task = look(through, client, seq=1)
    number, _ = await client.asked()
    through.answer(number, Answer(status, "", "", "", b""))
    through.answer(number, END)  # the first status counts
    with pytest.raises(LookFailed, match=f"status {status}$"):
        await done(task)


async def test_answers_after_giving_up_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "_PATIENCE", 0.01)
    through, client = looks(), StubClient()
    task = look(through, client, seq=1)
    late, _ = await client.asked()
    with pytest.raises(LookFailed, match="no answer"):
        await done(task)
    monkeypatch.setattr(direct, "_PATIENCE", 5.0)
    task = look(through, client, seq=2)
    number, _ = await client.asked()
    through.answer(late, message(1))
    through.answer(late, END)
    through.answer(number, message(2))
    through.answer(number, END)
    assert await done(task) == [message(2)]


@pytest.mark.parametrize("error", [nats.errors.ConnectionClosedError(), ConnectionResetError("reset")])
async def test_what_the_client_raises_is_a_look_that_failed(error: Exception) -> None:
    with pytest.raises(LookFailed, match=r"DIRECT\.GET\.TRADES: "):
        await done(look(looks(), StubClient(error), seq=1))


async def test_many_subjects_are_asked_for_in_portions_that_the_server_takes() -> None:
    through, client = looks(), StubClient()
    subjects = [f"trades.{number}" for number in range(1025)]
    task = newest(through, client, *subjects)
    asked: list[list[str]] = []
    for sequence in (1, 2):
        number, request = await client.asked()
        asked.append(request["multi_last"])
        through.answer(number, message(sequence))
        through.answer(number, END)
    assert (asked, await done(task)) == ([subjects[:1024], subjects[1024:]], [message(1), message(2)])
