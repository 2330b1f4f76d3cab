"""How often a list is asked for: what has not changed isn't sent, and what fails is asked for ever more rarely."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.base import InvalidReply, Request
from metdc_collector.listings.polling import Figures, Poll, pause
from metdc_collector.rest import Reply, Rest, RestError
from metdc_collector.tasks import end
from tests.unit.collector.made import MOMENT, HandClock

TIMERS = Timers()
FAILED = RestError("x: HTTP 503: error: empty body", status=503)
BLOCKED = RestError("x: HTTP 403: refused: no", status=403)


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (None, [5, 5]),
        (FAILED, [10, 20, 40, 60, 60]),
        (InvalidReply("not JSON"), [10, 20, 40, 60, 60]),
        (RestError("no reply"), [10, 20, 40, 60, 60]),
        (BLOCKED, [10, 20, 40, 80, 160, 320, 600, 600]),
        (RestError("slow", status=429, retry_after=2), [10, 20]),
        (RestError("slow", status=429, retry_after=90), [90, 90, 90, 90, 160]),
        (RestError("banned", status=418, retry_after=3600), [3600]),
        (RestError("451", status=451, region=True), [10, 20, 40, 80]),
    ],
)
def test_an_address_that_fails_is_left_alone_for_ever_longer(error: RestError | None, waits: list[float]) -> None:
    assert [pause(failures, error, 5, TIMERS) for failures in range(1, len(waits) + 1)] == waits


def test_after_any_number_of_failures_there_is_a_pause() -> None:
    assert pause(10_000, BLOCKED, 5, TIMERS) == 600


@dataclass
class Answers(Rest):
    """A list that answers so, one after the other; the last one for ever."""

    answers: list[Reply | RestError]
    asked: list[Request] = field(default_factory=list)

    async def ask(self, request: Request) -> Reply:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(request)
        if isinstance(answer, RestError):
            raise answer
        return answer


@dataclass
class Rig:
    answers: list[Reply | RestError]
    taken: list[bytes] = field(default_factory=list)
    looked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hand = HandClock()
        self.rest = Answers(self.answers)
        clock = Clock(wall=lambda: MOMENT + self.hand.time, monotonic=self.hand)
        self.poll = Poll(
            "announcements",
            self.rest,
            lambda etag: Request("/list", unless=etag),
            self.take,
            self.looked.append,
            "--announcements",
            5,
            clock,
            TIMERS,
        )

    async def take(self, body: bytes) -> bool:
        if body == b"bad":
            raise InvalidReply("the reply is not JSON")
        self.taken.append(body)
        return body != b"half"


def reply(body: bytes, etag: str | None = None, status: int = 200) -> Reply:
    return Reply(status, {} if etag is None else {"etag": etag}, body)


async def test_what_is_known_is_named_and_an_unchanged_list_is_not_taken_again() -> None:
    made = Rig([reply(b"a", '"1"'), reply(b"", '"1"', 304), reply(b"b", '"2"'), reply(b"", None, 304)])
    assert [await made.poll.once() for _ in range(4)] == [5] * 4
    assert (made.taken, made.looked) == ([b"a", b"b"], [MOMENT] * 4)
    assert [request.unless for request in made.rest.asked] == [None, '"1"', '"1"', '"2"']


async def test_a_reply_that_was_not_understood_is_not_taken_for_known() -> None:
    made = Rig([reply(b"a", '"1"'), reply(b"bad", '"2"'), reply(b"b", '"2"')])
    assert [await made.poll.once() for _ in range(3)] == [5, 10, 5]
    assert [request.unless for request in made.rest.asked] == [None, '"1"', '"1"']
    figures = made.poll.figures
    assert (figures.asked, figures.failed, figures.malformed, figures.problem) == (3, 1, 1, None)


async def test_a_reply_of_which_a_part_was_missing_is_taken_and_asked_for_again() -> None:
    made = Rig([reply(b"a", '"1"'), reply(b"half", '"2"'), reply(b"b", '"2"')])
    assert [await made.poll.once() for _ in range(3)] == [5, 5, 5]
    assert [request.unless for request in made.rest.asked] == [None, '"1"', None]
    assert made.taken == [b"a", b"half", b"b"]


async def test_a_reply_that_is_none_or_of_which_a_part_was_missing_is_no_look() -> None:
    made = Rig([FAILED, reply(b"bad"), reply(b"half", '"1"')])
    for _ in range(3):
        await made.poll.once()
    assert (made.taken, made.looked) == ([b"half"], [])


async def test_a_failure_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    made = Rig([FAILED, FAILED, reply(b"a"), FAILED])
    assert [await made.poll.once() for _ in range(4)] == [10, 20, 5, 10]
    told = "announcements: x: HTTP 503: error: empty body; asked again in 10 s"
    assert caplog.messages == [told, "announcements: answers again", told]
    assert made.poll.figures.answered == MOMENT
    assert made.poll.figures.problem == str(FAILED)


async def test_the_remedy_names_the_option_that_helps() -> None:
    made = Rig([RestError("451: set spec.endpoints to a gateway elsewhere", region=True)])
    await made.poll.once()
    assert made.poll.figures.problem == "451: set --announcements to a gateway elsewhere"


def test_of_what_is_malformed_samples_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    figures = Figures()
    for number in range(9):
        figures.sample("socket", "no object", b"x" * number)
    assert figures.malformed == 9
    assert [message.split(":")[1] for message in caplog.messages] == [f" malformed no. {n}" for n in (1, 2, 4, 8)]


@pytest.mark.parametrize(("first", "count"), [(reply(b"a"), 2), (FAILED, 1)])
async def test_a_poll_that_is_hurried_asks_at_once_but_not_an_address_that_fails(
    first: Reply | RestError, count: int
) -> None:
    made = Rig([first])
    task = asyncio.create_task(made.poll.run())
    try:
        await some_turns()
        assert len(made.rest.asked) == 1
        made.poll.hurry()
        await some_turns()
        assert len(made.rest.asked) == count
    finally:
        await end([task])


async def some_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
