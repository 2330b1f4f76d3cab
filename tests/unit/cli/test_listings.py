"""What ``metdc listings`` is told by its arguments, and what ``--recent`` shows."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metdc_collector.cli import listings_command
from metdc_collector.cli.listings_shown import as_records, table
from metdc_collector.listings.memory import Unread
from metdc_collector.listings.watcher import Order
from metdc_collector.wire.listing import Listing, encode
from tests.unit.cli.running import run

POD = Listing(
    exchange="upbit",
    market="krw",
    base="POD",
    quote="KRW",
    instrument="KRW-POD",
    source="announcements",
    first_seen=1_790_001_514_803_112_402,
    announced=1_790_001_512_000_000_000,
    trade_start=1_790_010_000_000_000_000,
    notice="6635",
    title="돌핀(POD) 신규 거래지원 안내",
)
DOUBT = Unread(1_790_001_514_803_112_402, "6636", "돌핀 신규 거래지원 안내", "no ticker can be told")


def test_a_row_tells_when_how_late_by_what_and_from_when_on() -> None:
    heading, row = table([POD], [])
    assert heading.split()[0] == "ANNOUNCED"
    cells = ("2026-09-21 14:38:32", "+2.8 s", "announcements", "POD-KRW", "2026-09-21 17:00:00", POD.title)
    assert [cell.strip() for cell in re.split(" {2,}", row)] == list(cells)


def test_what_is_not_known_is_shown_as_such() -> None:
    bare = replace(POD, announced=None, trade_start=None, title=None)
    assert table([bare], [])[1].split() == ["2026-09-21", "14:38:34", "-", "announcements", "POD-KRW", "-", "-"]


def test_what_was_not_understood_follows_with_its_reason() -> None:
    assert table([], [DOUBT])[1:] == [
        "",
        "NOT UNDERSTOOD: read these",
        "2026-09-21 14:38:34  6636      no ticker can be told: 돌핀 신규 거래지원 안내",
    ]
    assert table([], [replace(DOUBT, notice=None)])[3].split()[2] == "-"


def test_as_records_events_are_as_they_are_stored() -> None:
    event, doubt = as_records([POD], [DOUBT])
    assert event.encode() == encode(POD)
    assert json.loads(doubt) == {
        "not_understood": {"at": DOUBT.at, "notice": "6636", "title": DOUBT.title, "reason": DOUBT.reason}
    }


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """What would be watched."""
    orders: list[Order] = []

    async def watch(order: Order, **_: Any) -> int:
        orders.append(order)
        return 0

    monkeypatch.setattr(listings_command, "_watch", watch)
    return orders


def test_by_default_upbit_itself_is_watched_without_a_key(ordered: list[Order]) -> None:
    assert run("listings").exit_code == 0
    (order,) = ordered
    assert (order.rest, order.web_socket) == ("https://api.upbit.com", "wss://api.upbit.com")
    assert (order.announcements, order.key) == ("https://api-manager.upbit.com", None)
    assert order.nats.urls == ("nats://127.0.0.1:4222",)
    assert order.tls is not None


def test_a_gateway_is_named_by_option_or_environment(ordered: list[Order], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METDC_UPBIT_REST", "http://a/")
    monkeypatch.setenv("METDC_UPBIT_ANNOUNCEMENTS", "http://b")
    monkeypatch.setenv("METDC_UPBIT_WEB_SOCKET", "ws://c")
    run("listings", "--announcements", "http://d/", "--nats", "nats://x:1")
    (order,) = ordered
    assert (order.rest, order.announcements, order.web_socket) == ("http://a", "http://d", "ws://c")
    assert (order.nats.urls, order.tls) == (("nats://x:1",), None)


def test_a_key_is_two_files_and_is_not_shown(ordered: list[Order], tmp_path: Path) -> None:
    (tmp_path / "apiKey").write_text("access\n")
    (tmp_path / "secretKey").write_text("hidden\n")
    assert run("listings", "--exchange-credentials", tmp_path).exit_code == 0
    (order,) = ordered
    assert order.key is not None
    assert (order.key.access, order.key.secret) == ("access", "hidden")
    assert "hidden" not in repr(order)


def test_credentials_are_the_folder_that_a_pod_would_have(ordered: list[Order], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    run("listings", "--creds", tmp_path)
    assert ordered[0].nats.credentials == tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rest", "api.upbit.com"], "'api.upbit.com' must begin with http:// or https://"),
        (["--web-socket", "http://x"], "'http://x' must begin with ws:// or wss://"),
        (["--http", "here:http"], "--http: 'here:http' is not HOST:PORT"),
        (["--recent", "--since", "yesterday"], "'yesterday' is neither a duration"),
        (["--exchange-credentials", "/nowhere"], "'/nowhere' does not exist"),
    ],
)
def test_bad_usage_is_told(words: list[str], message: str) -> None:
    result = run("listings", *words)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("key", ["", "two words", "x\ny"])
def test_what_is_no_key_is_refused_unshown(key: str, tmp_path: Path) -> None:
    (tmp_path / "apiKey").write_text("access")
    (tmp_path / "secretKey").write_text(key)
    result = run("listings", "--exchange-credentials", tmp_path)
    assert result.exit_code == 2
    assert "secretKey holds no key: 1 to 500 characters without spaces" in result.stderr


def test_without_nats_recent_says_so() -> None:
    result = run("listings", "--recent", "--nats", "nats://127.0.0.1:1")
    assert result.exit_code == 1
    assert "NATS at nats://127.0.0.1:1 cannot be reached" in result.stderr
