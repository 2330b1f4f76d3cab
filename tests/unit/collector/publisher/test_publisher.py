"""How a publisher brings its streams up: what it says, and how often it tries."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from metdc_collector.clock import Clock, Timers
from metdc_collector.publisher import publisher as module
from metdc_collector.publisher.link import Link, NatsSettings
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.publisher.streams import StreamState, StreamUnavailable
from metdc_collector.wire.streams import StreamSpec, trades_stream

TRADES = trades_stream("binance", ["spot"], None)


class Server:
    """Answers for a server's streams: each attempt takes the next answer, the last one for ever."""

    def __init__(self, *answers: Exception | None, events: Exception | None = None) -> None:
        self.answers = list(answers)
        self.events = events
        self.attempts = 0

    def __call__(self, client: object, *, api: str) -> "Server":
        return self

    async def manage(self, spec: StreamSpec) -> StreamState:
        if spec.name != TRADES.name:
            if self.events is not None:
                raise self.events
            return StreamState({}, (), 0)
        answer = self.answers[min(self.attempts, len(self.answers) - 1)]
        self.attempts += 1
        if answer is not None:
            raise answer
        return StreamState({"duplicate_window": 120_000_000_000}, (), 0)


class Nothing:
    """A stream without a trade."""

    def __init__(self, *args: object, **more: object) -> None: ...

    async def newest(self, subjects: object) -> dict[str, Any]:
        return {}


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    monkeypatch.setattr(module, "Stored", Nothing)
    made = Publisher(
        NatsSettings(urls=("nats://127.0.0.1:1",)),
        stream=TRADES,
        name="test",
        clock=Clock(),
        timers=Timers(report=0.01),
    )
    made.link = cast("Link", SimpleNamespace(connected=True, settings=made.link.settings, client=None, looks=None))
    return made


async def test_an_error_that_nobody_foresaw_is_told_once_and_tried_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(KeyError("state"), KeyError("state"), KeyError("state"), None)
    monkeypatch.setattr(module, "Streams", server)
    with caplog.at_level(logging.INFO):
        await asyncio.wait_for(publisher._make_usable(), 10)
    assert (publisher.usable, server.attempts, publisher.stream_problem) == (True, 4, None)
    assert [record.getMessage() for record in caplog.records] == [
        "stream TRADES_BINANCE: unexpected KeyError('state'); trades are kept and the attempts go on",
        "stream TRADES_BINANCE takes trades",
    ]


async def test_a_stream_of_events_that_is_missing_is_told_once_a_reason(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "Streams", Server(None, events=StreamUnavailable("stream METDC_EVENTS: no space")))
    for _ in range(3):
        await asyncio.wait_for(publisher._make_usable(), 10)
    assert [record.getMessage() for record in caplog.records] == [
        "stream METDC_EVENTS: no space; trades flow without it"
    ]
    assert publisher.state is not None
    assert publisher.state.disagreements == ("stream METDC_EVENTS: no space",)
