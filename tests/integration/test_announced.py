"""The watcher of listings against the simulated Upbit: two readings of one reference, which have to agree."""

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import CEILING, DIVISOR, Market, Simulator, simulator
from tests.integration.watching import Watcher, events, told, watching
from tests.simulator.venues.upbit.keys import ACCESS_KEY, SECRET_KEY
from tests.simulator.venues.upbit.titles import LISTINGS, OTHERS, Titled

pytestmark = pytest.mark.timeout(180)
UPBIT = Market("upbit", "spot", "KRW-BTC")
TIA = {"base": "TIA", "name": "셀레스티아"}
LPT = {"base": "LPT", "name": "라이브피어", "markets": ["KRW", "USDT"]}
IO = {"base": "IO", "name": "아이오넷", "markets": ["BTC", "USDT"]}
SECOND = 10**9


@pytest.fixture
def upbit() -> Iterator[Simulator]:
    with simulator(only=("upbit",), symbols=None) as running:
        yield running


@contextlib.contextmanager
def watched(simulated: Simulator, nats: str, *words: str | Path) -> Iterator[Watcher]:
    """Run ``metdc listings`` against the simulator."""
    places = simulated.venues["upbit"]["spot"]
    with watching(places["rest"], places["webSocket"], nats, *words) as running:
        yield running


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A folder with the simulator's one API key."""
    (tmp_path / "apiKey").write_text(f"{ACCESS_KEY}\n")
    (tmp_path / "secretKey").write_text(f"{SECRET_KEY}\n")
    return tmp_path


def in_won(titled: Titled) -> list[str]:
    """The coins that a title of the stock lists in KRW, in its order."""
    return [base for base, markets in titled.lists.items() if "KRW" in markets]


def offences(simulated: Simulator) -> dict[str, int]:
    """How often each rule of the venue was broken."""
    broken = simulated.order_get("/state")["violations"]
    return {rule: sum(by_address.values()) for rule, by_address in broken.items()}


def test_of_the_whole_stock_each_coin_in_won_is_told_once_and_nothing_else(nats: NatsServer) -> None:
    coins: list[str] = []
    # So many notices in a few seconds would use up the list's pace, which is a matter of the next test.
    with simulator(only=("upbit",), symbols=None, by=10 * DIVISOR) as upbit, watched(upbit, nats.url) as running:
        for titled in OTHERS:
            upbit.order("/notice", title=titled.title, starts_in=3600)
        running.some_polls()
        for hours, titled in enumerate(reversed(LISTINGS), 1):  # the English wording of a coin before the Korean one
            truth = upbit.order("/notice", title=titled.title, starts_in=hours * 3600)
            fresh = [base for base in in_won(titled) if base not in coins]
            coins += fresh
            found = told(nats.url, *coins)[len(coins) - len(fresh) :]
            for base, event in zip(fresh, found, strict=True):
                assert (event["instrument"], event["title"]) == (f"KRW-{base}", titled.title)
                assert (event["announced"], event["notice"]) == (truth["first_listed"], str(truth["id"]))
                assert (event["trade_start"], event["source"]) == (truth["starts"], "announcements")
                assert truth["shown"] <= event["first_seen"] < time.time_ns()
        running.some_polls()
        assert len(coins) == len(events(nats.url)) == len({base for one in LISTINGS for base in in_won(one)})
        assert (running.metric("published_total"), running.metric("repeated_total")) == (len(coins), 0)
        running.stop()


def test_the_list_is_asked_for_at_a_pace_that_leaves_room_for_the_body_of_a_notice(
    upbit: Simulator, nats: NatsServer
) -> None:
    with watched(upbit, nats.url) as running:
        running.some_polls(16)
        truth = upbit.order("/notice", coins=[TIA, LPT], starts_in=7200)
        assert [event["trade_start"] for event in told(nats.url, "TIA", "LPT")] == [truth["starts"]] * 2
        running.some_polls(8)
        running.stop()
    assert offences(upbit) == {}


def test_a_notice_seen_late_is_told_once_a_coin_over_edits_and_another_order(
    upbit: Simulator, nats: NatsServer
) -> None:
    with watched(upbit, nats.url) as running:
        order = {"in": -30, "late": 30, "edits": 2, "every": 1, "starts_in": 7200}
        truth = upbit.order("/notice", coins=[TIA, LPT, IO], **order)
        for event in told(nats.url, "TIA", "LPT"):
            assert (event["announced"], event["trade_start"]) == (truth["first_listed"], truth["starts"])
            assert 30 * SECOND < event["first_seen"] - event["announced"] < (30 + CEILING) * SECOND
        eventually(lambda: time.time_ns() > truth["edited"][-1], CEILING, "it is edited twice")
        for by in ("listed_at", "shuffled", "id"):
            upbit.order("/notices", order=by)
            running.some_polls()
        assert (running.metric("published_total"), running.metric("repeated_total")) == (2, 0)
        assert len(events(nats.url)) == 2
        running.stop()


@pytest.mark.parametrize("pinned", [False, True])
def test_what_an_edit_adds_is_told_with_the_time_of_the_first_publication(
    upbit: Simulator, nats: NatsServer, pinned: bool
) -> None:
    with watched(upbit, nats.url):
        truth = upbit.order("/notice", coins=[TIA, IO], pinned=pinned, **{"in": -20})
        told(nats.url, "TIA")
        upbit.order("/notice/edit", id=truth["id"], coins=[TIA, IO | {"markets": ["KRW"]}])
        added = told(nats.url, "TIA", "IO")[1]
        assert (added["announced"], added["notice"]) == (truth["first_listed"], str(truth["id"]))


def test_a_reply_that_is_no_list_but_has_the_tag_of_the_list_hides_no_notice(
    upbit: Simulator, nats: NatsServer
) -> None:
    with watched(upbit, nats.url) as running:
        truth = upbit.order("/notice", coins=[TIA], malformed=2)
        (event,) = told(nats.url, "TIA")
        assert event["announced"] == truth["first_listed"]
        assert running.metric("malformed_total", "announcements") == 2
        running.stop()


def test_a_part_of_the_list_with_the_tag_of_the_whole_hides_no_notice(upbit: Simulator, nats: NatsServer) -> None:
    bases = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")
    with watched(upbit, nats.url) as running:
        upbit.order("/notices", order="shuffled")
        running.some_polls()
        upbit.fault("rest_body", UPBIT, mode="shrunk", path="/api/v1/announcements", count=1)  # not of a 304
        together = time.time_ns() + 2 * SECOND
        for base in bases:
            upbit.order("/notice", coins=[{"base": base}], at=together)
        eventually(
            lambda: {one["instrument"] for one in events(nats.url)} == {f"KRW-{b}" for b in bases}, CEILING, "all"
        )
        assert upbit.order_get("/state")["faults"] == []  # it has struck
        running.stop()


def test_a_watcher_that_others_at_its_address_leave_no_request_tells_afterwards(
    upbit: Simulator, nats: NatsServer
) -> None:
    page = upbit.venues["upbit"]["spot"]["rest"] + "/api/v1/announcements"

    def refused() -> bool:
        """Ask as another does, until the address has used up what it may, and the watcher was refused twice."""
        for _ in range(12):
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(page, timeout=CEILING).close()
        return running.metric("failed_total", "announcements") >= 2

    with watched(upbit, nats.url) as running:
        eventually(refused, CEILING, "it is refused twice")
        truth = upbit.order("/notice", coins=[LPT])
        (event,) = told(nats.url, "LPT")
        assert event["announced"] == truth["first_listed"]
        running.process.logged("HTTP 429: too many requests: error code: 1015; asked again in", CEILING)
        running.process.logged("announcements: answers again", CEILING)
        running.stop()


def test_the_official_socket_tells_before_the_list_under_its_own_number(
    upbit: Simulator, nats: NatsServer, key: Path
) -> None:
    with watched(upbit, nats.url, "--exchange-credentials", key) as running:
        running.until("answered_timestamp_seconds", "socket", 1)  # its heartbeat is answered
        order = {"late": 3, "socket_late": 0, "uuid": "562593104", "edits": 1, "starts_in": 600}
        truth = upbit.order("/notice", coins=[TIA, LPT], **order)
        for event in told(nats.url, "TIA", "LPT"):
            assert (event["source"], event["notice"]) == ("socket", "562593104")
            assert (event["announced"], event["trade_start"]) == (truth["first_listed"], truth["starts"])
            assert event["first_seen"] < truth["shown"]
            assert event["title"].startswith("[거래] 셀레스티아(TIA)")
        eventually(lambda: time.time_ns() > truth["edited"][-1], CEILING, "the list shows it and it is edited")
        running.some_polls()
        assert len(events(nats.url)) == 2
        running.stop()
    assert ACCESS_KEY not in running.process.log
    assert SECRET_KEY not in running.process.log


def test_half_a_frame_and_a_socket_that_ends_lose_nothing(upbit: Simulator, nats: NatsServer, key: Path) -> None:
    with watched(upbit, nats.url, "--exchange-credentials", key) as running:
        running.until("answered_timestamp_seconds", "socket", 1)
        upbit.order("/notice", coins=[TIA], malformed=1)
        (event,) = told(nats.url, "TIA")
        assert event["source"] == "announcements"
        assert running.metric("malformed_total", "socket") == 1
        heard = running.metric("answered_timestamp_seconds", "socket")
        upbit.fault("reset", UPBIT)
        running.until("failed_total", "socket", 1)
        running.until("answered_timestamp_seconds", "socket", heard + 1)
        upbit.order("/notice", coins=[LPT], late=2, socket_late=0)
        assert told(nats.url, "TIA", "LPT")[1]["source"] == "socket"
        running.stop()


def test_a_key_that_the_venue_does_not_know_leaves_the_lists(upbit: Simulator, nats: NatsServer, key: Path) -> None:
    (key / "secretKey").write_text("another")
    with watched(upbit, nats.url, "--exchange-credentials", key) as running:
        running.process.logged("INVALID_AUTH", CEILING)
        upbit.order("/notice", coins=[TIA])
        told(nats.url, "TIA")
        running.stop()


def test_a_coin_in_the_market_list_without_a_notice_is_told_once(upbit: Simulator, nats: NatsServer) -> None:
    with watched(upbit, nats.url) as running:
        began = time.time_ns()
        row = {"base": "ZZZ", "quote": "KRW", "price": "5512"}
        upbit.order("/universe", exchange="upbit", market="spot", list=[row])
        (event,) = told(nats.url, "ZZZ")
        assert (event["source"], event["instrument"], event["notice"]) == ("markets", "KRW-ZZZ", None)
        assert (event["announced"], event["trade_start"]) == (None, None)
        assert began < event["first_seen"] < time.time_ns()
        upbit.order("/notice", coins=[{"base": "ZZZ"}])
        upbit.order("/notice", coins=[LPT])
        told(nats.url, "ZZZ", "LPT")
        running.stop()


def test_what_happens_while_no_watcher_runs_is_told_by_the_next(upbit: Simulator, nats: NatsServer) -> None:
    with watched(upbit, nats.url) as first:
        known = upbit.order("/notice", coins=[TIA])
        told(nats.url, "TIA")
        first.process.kill()
    upbit.order("/notice/edit", id=known["id"], coins=[TIA], shape=5)
    for titled in OTHERS[:25]:  # more than a page
        upbit.order("/notice", title=titled.title)
    missed = upbit.order("/notice", coins=[LPT, IO], **{"in": -10, "late": 10, "starts_in": 7200})
    for titled in OTHERS[25:]:
        upbit.order("/notice", title=titled.title)
    row = {"base": "ZZZ", "quote": "KRW", "price": "5512"}
    upbit.order("/universe", exchange="upbit", market="spot", list=[row])
    time.sleep(60 / DIVISOR)  # what the first has asked for counts no more
    with watched(upbit, nats.url) as second:
        eventually(lambda: len(events(nats.url)) == 3, CEILING, "both are told")
        found: dict[str, dict[str, Any]] = {event["instrument"]: event for event in events(nats.url)}
        assert set(found) == {"KRW-TIA", "KRW-LPT", "KRW-ZZZ"}
        lpt = found["KRW-LPT"]
        assert (lpt["announced"], lpt["trade_start"]) == (missed["first_listed"], missed["starts"])
        second.some_polls()
        assert len(events(nats.url)) == 3
        second.stop()
