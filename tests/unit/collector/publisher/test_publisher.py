"""How a publisher brings its streams up: what it says, and how often it tries."""

import asyncio
import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from metdc_collector.clock import Clock, Timers
from metdc_collector.continuity import Newest
from metdc_collector.publisher import publisher as module
from metdc_collector.publisher.link import Link, NatsSettings
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.publisher.streams import StreamState, StreamUnavailable
from metdc_collector.wire.streams import StreamSpec, trades_stream
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import trade

TRADES = trades_stream("binance", ["spot"], None)


class Server:
    """Answers for a server's streams: each attempt takes the next answer, the last one for ever."""

    def __init__(self, *answers: Exception | None, events: Exception | None = None) -> None:
        self.answers = list(answers)
        self.events = events
        self.sizes: list[int | None] = []
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

    async def size(self, name: str) -> int | None:
        assert name == TRADES.name
        return self.sizes.pop(0)


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


async def test_the_stream_is_weighed_again_and_again_and_what_is_not_answered_changes_nothing(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(None)
    server.sizes = [7, None, 9]
    monkeypatch.setattr(module, "Streams", server)
    monkeypatch.setattr(publisher, "_timers", Timers(refresh=0))
    await publisher._make_usable()
    seen: list[int] = []
    weighing = asyncio.create_task(publisher._weigh())
    while not weighing.done():
        assert publisher.state is not None
        seen.append(publisher.state.bytes)
        await asyncio.sleep(0)
    assert isinstance(weighing.exception(), IndexError)  # nothing was left to answer
    assert list(dict.fromkeys(seen)) == [0, 7, 9]


async def test_a_stream_that_is_not_usable_is_not_weighed(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(None)
    monkeypatch.setattr(module, "Streams", server)
    monkeypatch.setattr(publisher, "_timers", Timers(refresh=0))
    weighing = asyncio.create_task(publisher._weigh())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not weighing.done()  # else a size that is not there would have been asked for
    weighing.cancel()


class Disk:
    """An overflow that takes what it is asked to."""

    def __init__(self, *, takes: bool) -> None:
        self.busy, self.behind, self.takes = False, False, takes
        self.taken: list[str] = []
        self.relieved = 0

    def take(self, trades: Sequence[Trade], known: int) -> bool:
        self.taken += [each.id for each in trades]
        return self.takes

    def relieve(self, fresh_since: int) -> None:
        self.relieved = fresh_since


async def test_a_newer_trade_is_found_behind_late_ones(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Nothing):
        async def newest(self, subjects: object) -> dict[str, Any]:
            return {trade(1).instrument.subject: Newest("1", trade(1).time, late=True)}

        async def since(self, subject: str, time: int) -> dict[str, int]:
            return {"1": trade(1).time, "7": trade(7).time}

    monkeypatch.setattr(module, "Stored", Late)
    monkeypatch.setattr(module, "Streams", Server(None))
    publisher.window.add([trade(5)], 0)
    publisher.window.add([trade(8)], 0)
    monkeypatch.setattr(publisher, "_flush", lambda: None)
    await asyncio.wait_for(publisher._make_usable(), 10)
    assert [entry.trade.late for entry in publisher.window.entries] == [True, False]


async def test_an_overflow_is_told_when_nats_is_back(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher.overflow = disk = Disk(takes=True)
    monkeypatch.setattr(module, "Streams", Server(None))
    before = publisher._clock.now()
    await asyncio.wait_for(publisher._make_usable(), 10)
    assert 0 <= disk.relieved + 60_000_000_000 - before < 10_000_000_000, "what was received a half window ago is stale"


@pytest.mark.parametrize("takes", [True, False])
async def test_an_overflow_is_asked_only_while_it_is_busy_or_memory_is_full(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, takes: bool
) -> None:
    publisher.overflow = disk = Disk(takes=takes)
    publisher.publish([trade(1)], 0)
    disk.busy = True
    publisher.publish([trade(2)], 0)
    disk.busy = False
    monkeypatch.setattr("metdc_collector.publisher.window.MOST_BYTES", 1)
    publisher.publish([trade(3)], 0)
    assert disk.taken == ["2", "3"]
    assert [entry.trade.id for entry in publisher.window.entries] == (["1"] if takes else ["1", "2", "3"])


async def test_sockets_wait_for_memory_or_where_there_is_an_overflow_for_that(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish([trade(1)], 0)
    monkeypatch.setattr("metdc_collector.publisher.window.MOST_BYTES", 1)
    found = [publisher.full]
    publisher.overflow = disk = Disk(takes=True)
    found.append(publisher.full)
    disk.behind = True
    found.append(publisher.full)
    assert found == [True, False, True]
