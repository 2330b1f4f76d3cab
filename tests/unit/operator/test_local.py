"""The small parts of a run on one machine: timers, lines, sizes, what is said and drawn."""

import io
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from metdc_collector.wire import report as reports
from metdc_operator.handover import handover_message
from metdc_operator.local.lines import Lines
from metdc_operator.local.output import Json, Plain, choose, ending
from metdc_operator.local.server import GIBIBYTE, MEBIBYTE, ServerFailed, default_folder, stream_size
from metdc_operator.local.table import Table, draw
from metdc_operator.local.timers import InvalidTimers, Timers
from metdc_operator.observation import MarketSeen, Rotation, Seen
from metdc_operator.status import status
from tests.unit.operator.examples import HANDOVER, NOW, SECOND, pod, report

DONE = Rotation("2026-09-21T14:00:00Z", "old", "new", NOW, HANDOVER)
# -- timers


def test_timers_are_a_cluster_s_unless_they_are_divided() -> None:
    assert Timers.of({}) == Timers()
    assert Timers().progress == 420
    assert Timers().grace == 60
    assert Timers().stale == 45


def test_divided_timers_leave_a_process_the_time_it_needs() -> None:
    timers = Timers.of({"METDC_DIVIDE_TIMERS": "20"})

    assert timers.divided(1800 * SECOND) == 90 * SECOND
    assert timers.write == 1.5
    assert timers.rotation == 4.5
    assert timers.grace == 60
    assert timers.progress == 60


@pytest.mark.parametrize("text", ["0", "-1", "nan", "fast", "1001", ""])
def test_a_divisor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidTimers, match=r"METDC_DIVIDE_TIMERS: .* is not a number from 1 to 1000"):
        Timers.of({"METDC_DIVIDE_TIMERS": text})


# -- lines


def test_warnings_are_shown_and_the_rest_is_kept_for_messages() -> None:
    shown: list[str] = []
    lines = Lines(shown.append)
    for level, message in (("warning", "slow"), ("info", "connected")):
        lines.said("pod", json.dumps({"level": level, "message": message}))

    assert shown == ["pod: slow"]
    assert lines.last("pod") == "connected"
    assert lines.last("other") == ""


def test_what_is_no_log_record_is_shown_as_it_is() -> None:
    shown: list[str] = []
    Lines(shown.append).said("pod", "metdc_collector: spec.nats.urls: must name at least one server")
    Lines(shown.append).said("pod", "[1, 2]")

    assert shown == ["pod: metdc_collector: spec.nats.urls: must name at least one server", "pod: [1, 2]"]


def test_of_an_exception_the_last_line_is_shown() -> None:
    shown: list[str] = []
    record = {"level": "error", "message": "failed", "exception": "Traceback:\n  a\nValueError: b\n"}
    Lines(shown.append).said("pod", json.dumps(record))

    assert shown == ["pod: failed: ValueError: b"]


# -- the embedded server's sizes


@pytest.mark.parametrize(
    ("free", "streams", "expected"),
    [
        (1000 * GIBIBYTE, 2, 8 * GIBIBYTE),
        (20 * GIBIBYTE, 2, 4 * GIBIBYTE),
        (19 * GIBIBYTE, 2, 4 * GIBIBYTE),
        (256 * MEBIBYTE, 2, 64 * MEBIBYTE),
    ],
)
def test_streams_share_half_of_the_free_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, streams: int, expected: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))

    assert stream_size(tmp_path, streams) == expected


def test_what_the_store_holds_already_counts_as_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "1.blk").write_bytes(b"x" * MEBIBYTE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=255 * MEBIBYTE))

    assert stream_size(tmp_path, 2) == 64 * MEBIBYTE


def test_a_disk_that_is_too_full_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=200 * MEBIBYTE))

    with pytest.raises(ServerFailed, match="too little room on its disk for 2 streams; free some, or give --data"):
        stream_size(tmp_path, 2)


def test_trades_are_kept_where_the_system_keeps_state() -> None:
    assert default_folder({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/metdc/nats")
    assert default_folder({}) == Path.home() / ".local" / "state" / "metdc" / "nats"


# -- what is said

READY = Seen([MarketSeen("spot", pods=[pod()], last=DONE, next=NOW + 90 * SECOND), MarketSeen("futures", pods=[pod()])])
STARTING = Seen([MarketSeen("spot")])


def test_each_event_is_one_json_object_a_line() -> None:
    stream = io.StringIO()
    output = Json(stream)
    output.ready()
    output.rotated("default/binance", "binance", "spot", DONE)
    output.status("default/binance", status(READY, NOW), {})
    output.stopped([0, 0])
    events = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert events[0] == {"event": "ready"}
    assert events[1] == {
        "event": "rotated",
        "resource": "default/binance",
        "exchange": "binance",
        "market": "spot",
        "overlapSeconds": 1.4,
        "symbols": 431,
        "provenById": 400,
        "provenByRows": 0,
        "provenBySubscription": 29,
        "provenByREST": 0,
        "backfilled": 2,
        "unfilled": 0,
        "lost": 0,
        "duplicates": 412,
    }
    assert events[2]["status"] == status(READY, NOW)
    assert events[3] == {"event": "stopped", "exitCodes": [0, 0]}


def test_a_replacement_of_which_nothing_is_proven_is_told_all_the_same() -> None:
    stream = io.StringIO()
    Json(stream).rotated("default/binance", "binance", "spot", replace(DONE, handover=None))

    assert set(json.loads(stream.getvalue())) == {"event", "resource", "exchange", "market"}


def test_plain_lines_tell_what_has_turned_and_what_flows() -> None:
    stream, errors = io.StringIO(), io.StringIO()
    output = Plain(stream, errors)
    output.ready()
    output.status("default/binance", status(READY, NOW), status(STARTING, NOW))
    output.status("default/binance", status(STARTING, NOW), status(STARTING, NOW))
    output.turn({})
    output.rotated("default/binance", "binance", "spot", DONE)
    output.stopped([0])
    output.line("by the way")
    lines = stream.getvalue().splitlines()

    assert lines[0] == "ready: every market carries its data"
    assert "default/binance Ready: True (Collecting) spot: 431 instruments; futures: 431 instruments" in lines
    assert lines[-3] == "default/binance: 862/862 instruments, 823 trades/s, backlog 24"
    assert lines[-2] == f"default/binance {handover_message('spot', DONE)}"
    assert lines[-1] == "stopped: every accepted trade is acknowledged"
    assert errors.getvalue() == "by the way\n"


def test_an_end_that_lost_something_says_so() -> None:
    assert ending([0, 1, -9]) == ("stopped; not every collector delivered what it had accepted (exit codes 0, 1, -9)")


def drawn(seen: Seen) -> str:
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(draw({"default/binance": status(seen, NOW)}, datetime.fromtimestamp(NOW / SECOND, UTC)))
    return console.export_text()


def test_the_table_shows_what_flows() -> None:
    first, second = drawn(READY).splitlines()[1:3]

    assert first.split() == [
        *("default/binance", "spot", "streaming", "431/431", "412", "900", "12", "1", "s", "ago"),
        *("99", "%", "in", "1", "min", "30", "s"),
    ]
    assert second.split()[:2] == ["futures", "streaming"]


def test_the_table_says_what_is_wrong_and_shows_no_figures_that_are_not_known() -> None:
    first, second = drawn(STARTING).splitlines()[1:3]

    assert first.split() == ["default/binance", "spot", "Starting", *("-",) * 7]
    assert second.strip() == "Starting: spot: no pod yet"


def test_a_successor_that_is_not_ready_is_marked() -> None:
    starting = report(state="starting", ready=False, symbols=reports.Symbols())
    both = Seen([MarketSeen("spot", pods=[pod(), pod("b", ready=False, report=starting)])])

    assert "streaming + starting…" in drawn(both)


def test_the_live_table_keeps_what_happened_below_it() -> None:
    console = Console(width=160, file=io.StringIO(), force_terminal=True)
    table = Table(console)
    with table.shown():
        table.line("nats-server at nats://127.0.0.1:4222")
        table.ready()
        table.rotated("default/binance", "binance", "spot", DONE)
        table.status("default/binance", {}, {})
        table.turn({"default/binance": status(READY, NOW)})
    table.stopped([0])
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()

    assert "nats-server at" in shown
    assert "every market carries its data" in shown
    assert "new took over from old: 1.4 s of overlap" in shown
    assert "stopped: every accepted trade is acknowledged" in shown


@pytest.mark.parametrize(("kind", "output"), [("json", Json), ("plain", Plain), ("table", Table)])
def test_a_format_is_chosen_by_name(kind: str, output: type) -> None:
    assert isinstance(choose(kind), output)
