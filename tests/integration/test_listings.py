"""The watcher of listings, from a notice to the stored event: against a real server of notices and a real NATS."""

import base64
import contextlib
import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration import watching as watcher
from tests.integration.rig import CEILING, jetstream
from tests.integration.upbit_site import Site, upbit_site
from tests.integration.watching import events, told
from tests.unit.cli.running import run

pytestmark = pytest.mark.timeout(180)
OLD = "오덜리(ORDER) KRW 마켓 디지털 자산 추가"
POD = "돌핀(POD) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)"
TWO = "라이브피어(LPT)(KRW, USDT 마켓), 포켓네트워크(POKT)(KRW 마켓) 디지털 자산 추가"
TABLE = (
    "<table><tr><th>디지털 자산</th><th>거래지원 개시 시점</th></tr>"
    "<tr><td>라이브피어(LPT)</td><td>5월 30일 17시 예정</td></tr>"
    "<tr><td>포켓네트워크(POKT)</td><td>5월 30일 19시 예정</td></tr></table>"
)
NOON = "2026-05-30T12:00:00"


def at(text: str) -> int:
    """A time in Korea, in ns since the epoch."""
    return int(datetime.fromisoformat(f"{text}+09:00").timestamp()) * 10**9


@pytest.fixture
def site() -> Iterator[Site]:
    """Upbit with one notice from before."""
    with upbit_site() as running:
        running.publish(5000, OLD, "2026-05-29T12:00:00")
        yield running


def watching(
    site: Site, nats: str, *words: str | Path, ready: bool = True
) -> contextlib.AbstractContextManager[watcher.Watcher]:
    """Run ``metdc listings`` against the site."""
    return watcher.watching(site.rest, site.socket, nats, *words, ready=ready)


def some_polls(site: Site) -> None:
    """Wait until the list has been asked for a few times more."""
    before = len(site.pages("/api/v1/announcements?"))
    eventually(lambda: len(site.pages("/api/v1/announcements?")) > before + 3, CEILING, "more polls")


def test_a_notice_becomes_one_event_a_coin_over_edits_and_restarts(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url) as first:
        some_polls(site)
        assert events(nats.url) == []
        began = time.time_ns()
        site.publish(5001, TWO, NOON, body=TABLE)
        lpt, pokt = told(nats.url, "LPT", "POKT")
        assert (lpt["subject"], lpt["id"]) == ("listings.upbit.krw.LPT", "listing:upbit.krw.LPT")
        assert (lpt["announced"], lpt["source"], lpt["notice"]) == (at(NOON), "announcements", "5001")
        assert began < lpt["first_seen"] < time.time_ns()
        assert (lpt["trade_start"], pokt["trade_start"]) == (at("2026-05-30T17:00:00"), at("2026-05-30T19:00:00"))
        site.edit(5001, TWO + " (거래지원 개시 시점 변경 안내)", "2026-05-30T13:00:00")
        some_polls(site)
        first.stop()
    assert {headers.get("if-none-match") for _, headers in site.pages("/api/v1/announcements?")} >= {None, 'W/"1"'}
    site.edit(5001, TWO + " (거래지원 개시 시점 추가 변경 안내)", "2026-05-30T14:00:00")
    site.publish(5002, POD, "2026-05-30T15:00:00")
    with watching(site, nats.url) as second:
        pod = told(nats.url, "LPT", "POKT", "POD")[2]
        assert (pod["announced"], pod["trade_start"]) == (at("2026-05-30T15:00:00"), None)
        second.process.logged("no body, so nobody knows when trading starts", CEILING)
        site.notices.reverse()
        site.version += 1
        some_polls(site)
        assert second.metric("published_total") == 1
        second.stop()
    assert len(events(nats.url)) == 3


def test_a_body_that_is_refused_is_asked_for_again(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url) as running:
        site.refusals = 2
        site.publish(5001, POD, NOON, body="거래지원 개시 시점 : 2026-05-30 17:00 KST 예정")
        (pod,) = told(nats.url, "POD")
        assert pod["trade_start"] == at("2026-05-30T17:00:00")
        assert len(site.pages("/api/v1/announcements/5001")) == 3
        running.process.logged("notice 5001: its body is asked for again in ", CEILING)
        running.stop()


def test_a_watcher_that_ends_waits_for_no_body(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url) as running:
        site.refusals = 1_000
        site.publish(5001, POD, NOON)
        running.process.logged("notice 5001: its body is asked for again in ", CEILING)
        running.stop()
    assert [event["trade_start"] for event in told(nats.url, "POD")] == [None]


def test_more_notices_than_a_page_holds_are_read_to_the_known_one_whatever_fails(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url) as first:
        eventually(lambda: first.metric("answered_timestamp_seconds", "announcements") > 0, CEILING, "asked")
        first.stop()
    site.publish(5001, POD, NOON)
    for number in range(5002, 5032):
        site.publish(number, "소폰(SOPH) 거래 유의 종목 지정 안내", NOON)
    site.lost = 2
    with watching(site, nats.url, ready=False) as second:
        second.process.logged("HTTP 503", CEILING)
        site.lost = None
        told(nats.url, "POD")
        second.stop()
    assert not [path for path, _ in site.asked if "page=3" in path]


def test_two_watchers_at_once_tell_it_once(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url) as one, watching(site, nats.url) as other:
        site.publish(5001, POD, NOON)
        told(nats.url, "POD")
        counts = ("published_total", "repeated_total")
        eventually(lambda: sum(each.metric(name) for each in (one, other) for name in counts) == 2, CEILING, "both")
        assert one.metric("published_total") + other.metric("published_total") == 1
    assert len(events(nats.url)) == 1


def test_what_another_has_told_at_any_time_the_stream_does_not_take_again(site: Site, nats: NatsServer) -> None:
    async def another(js: Any) -> None:
        await js.publish("listings.upbit.krw.POD", b'{"v":1}', headers={"Nats-Msg-Id": "another's"})

    with watching(site, nats.url) as running:
        jetstream(nats.url, another)
        site.publish(5001, POD, NOON)
        running.process.logged("listings.upbit.krw.POD was told before", CEILING)
        eventually(lambda: running.metric("untold") == 0, CEILING, "nothing waits")
        assert running.metric("repeated_total") == 1
    assert len(events(nats.url)) == 1


def test_a_lost_memory_does_not_tell_twice(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url):
        site.publish(5001, POD, NOON)
        told(nats.url, "POD")

    async def forget(js: Any) -> None:
        await js.delete_stream("KV_metdc_listings")

    jetstream(nats.url, forget)
    with watching(site, nats.url) as second:
        second.process.logged("nothing is remembered: what is listed now counts as known", CEILING)
        site.edit(5001, TWO, "2026-05-30T13:00:00")
        told(nats.url, "POD", "LPT", "POKT")


NO_LISTS: list[tuple[int, bytes, dict[str, str]]] = [
    (200, b"<!DOCTYPE html><title>Just a moment...</title>", {}),
    (200, b'{"success":true,"data":{"list":[]}}', {}),
    (403, b"error code: 1020", {"Server": "cloudflare"}),
    (429, b"slow down", {"Retry-After": "2"}),
    (503, b"", {}),
]
WORDS = [
    "malformed no. 1: the reply is not JSON: it begins with",
    "malformed no. 1: the reply holds no array of notices: None",
    "HTTP 403: refused: error code: 1020; asked again in",
    "HTTP 429: too many requests: slow down; asked again in 2 s",
    "HTTP 503: error: empty body; asked again in",
]


@pytest.mark.parametrize(
    ("answer", "words"), list(zip(NO_LISTS, WORDS, strict=True)), ids=[words[:8] for words in WORDS]
)
def test_what_is_no_list_of_notices_is_told_counted_and_outlived(
    site: Site, nats: NatsServer, answer: tuple[int, bytes, dict[str, str]], words: str
) -> None:
    with watching(site, nats.url) as running:
        site.answer = answer
        running.process.logged(words, CEILING)
        site.publish(5001, POD, NOON)
        eventually(lambda: running.metric("failed_total", "announcements") >= 2, CEILING, "it fails again")
        assert (running.metric("malformed_total", "announcements") > 0) == (answer[0] == 200)
        assert running.get("/livez")[0] == 200
        site.answer = None
        (event,) = told(nats.url, "POD")
        assert event["first_seen"] > event["announced"]
        running.stop()


def test_a_row_that_is_damaged_and_a_title_that_is_not_understood_are_kept_and_shown(
    site: Site, nats: NatsServer
) -> None:
    with watching(site, nats.url) as running:
        site.publish(5001, "돌핀 신규 거래지원 안내 (KRW 마켓)", NOON)
        site.publish(5002, POD, NOON)
        site.notices.append({"id": None})
        site.version += 1
        told(nats.url, "POD")
        eventually(lambda: running.metric("not_understood_total") == 2, CEILING, "both are counted")
        running.stop()
    shown = run("listings", "--recent", "--nats", nats.url)
    assert shown.exit_code == 0, shown.stderr
    assert re.search(r"2026-05-30 03:00:00 .* announcements .*POD-KRW .*-  +돌핀\(POD\)", shown.stdout)
    assert re.search(r"5001 +no ticker can be told: 돌핀 신규 거래지원 안내", shown.stdout)
    assert "the row is damaged: its number is none: None, in {'id': None}" in shown.stdout
    assert "metdc listings: 1 told, 2 not understood (2 ever), since " in shown.stderr
    lines = [json.loads(line) for line in run("listings", "--recent", "--json", "--nats", nats.url).stdout.splitlines()]
    assert lines[0]["symbol"] == "POD-KRW"
    assert {line["not_understood"]["notice"] for line in lines[1:]} == {"5001", None}


def test_the_official_socket_tells_before_the_list(site: Site, nats: NatsServer, tmp_path: Path) -> None:
    (tmp_path / "apiKey").write_text("access\n")
    (tmp_path / "secretKey").write_text("secret\n")
    site.answer = (403, b"", {})
    with watching(site, nats.url, "--exchange-credentials", tmp_path) as running:
        eventually(lambda: bool(site.clients), CEILING, "it listens")
        claims = site.tokens[0].removeprefix("Bearer ").split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(claims + "=="))["access_key"] == "access"
        assert json.loads(site.heard[0])[1] == {"type": "announcement", "categories": ["trade"], "include_body": True}
        site.publish(5001, POD, NOON)
        (event,) = told(nats.url, "POD")
        assert (event["source"], event["notice"]) == ("socket", "5001")
        eventually(lambda: "PING" in site.heard, CEILING, "a heartbeat")
        (client,) = site.clients
        client.close(1011)
        eventually(lambda: len(site.tokens) == 2 and bool(site.clients), CEILING, "it listens again")
        assert site.tokens[0] != site.tokens[1]
        site.edit(5001, POD + " (거래지원 개시 시점 연기 안내)", "2026-05-30T13:00:00")
        site.publish(5002, TWO, "2026-05-30T14:00:00")
        told(nats.url, "POD", "LPT", "POKT")
        running.stop()
    assert "secret" not in running.process.log


def test_a_coin_that_enters_the_market_list_without_a_notice_is_told(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url):
        site.coins.append("POD")
        (event,) = told(nats.url, "POD")
        assert (event["source"], event["announced"], event["title"]) == ("markets", None, None)
        site.publish(5001, POD, NOON)
        some_polls(site)
    assert len(events(nats.url)) == 1


def test_while_nats_is_away_a_listing_waits_with_the_time_at_which_it_was_seen(site: Site, nats: NatsServer) -> None:
    with watching(site, nats.url) as running:
        nats.kill()
        site.publish(5001, POD, NOON)
        eventually(lambda: running.metric("untold") == 1, CEILING, "it waits")
        seen = time.time_ns()
        running.process.logged("listings wait for NATS", CEILING)
        assert running.get("/readyz")[0] == 503
        nats.start()
        (event,) = told(nats.url, "POD")
        assert event["first_seen"] <= seen
        running.until_ready()
        running.stop()


def test_before_nats_is_there_nothing_is_decided(site: Site, nats: NatsServer) -> None:
    nats.kill()
    with watching(site, nats.url, ready=False) as running:
        eventually(lambda: "waiting for: NATS to take events" in running.get("/readyz")[1], CEILING, "it says so")
        assert site.asked == []
        nats.start()
        running.until_ready()
        site.publish(5001, POD, NOON)
        told(nats.url, "POD")


def test_a_key_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "apiKey").write_text("access")
    result = run("listings", "--exchange-credentials", tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path}/secretKey cannot be read: FileNotFoundError" in result.stderr
