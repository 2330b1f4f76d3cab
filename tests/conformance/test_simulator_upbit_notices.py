"""The simulated Upbit's announcements against section 9.4 of the reference, and the orders that publish them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.conformance.clients import CEILING
from tests.simulator.testing import Simulated, simulator

LIST = "/api/v1/announcements"
SECOND = 10**9
TIA = {"base": "TIA", "name": "셀레스티아"}
IO = {"base": "IO", "name": "아이오넷", "markets": ["BTC", "USDT"]}


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["upbit"], divide_timers=1000) as running:  # for the pace, which is a time
        yield running


async def ask(sim: Simulated, query: str = "", *, path: str = LIST, **headers: str) -> tuple[ClientResponse, str]:
    """GET; reply and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with sim.http.get(sim.rest("upbit", "spot") + path + query, headers=named) as reply:
        return reply, await reply.text()


async def page(sim: Simulated, query: str = "", **headers: str) -> dict[str, Any]:
    """The data of a list reply."""
    reply, body = await ask(sim, query, **headers)
    assert reply.status == 200, body
    answer = json.loads(body)
    assert (list(answer), answer["success"]) == (["success", "data"], True)
    return dict(answer["data"])


async def rows(sim: Simulated, query: str = "") -> list[dict[str, Any]]:
    return list((await page(sim, query))["notices"])


async def first(sim: Simulated, number: int) -> dict[str, Any]:
    """The first row, once it is the notice of this id."""
    async with asyncio.timeout(CEILING):
        while (row := (await rows(sim))[0])["id"] != number:  # noqa: ASYNC110 - the list lies across HTTP
            await asyncio.sleep(0.02)
    return row


# The list


async def test_the_list_has_the_shape_of_the_reference(sim: Simulated) -> None:
    data = await page(sim, "?os=web&page=1&per_page=20&category=trade")
    assert list(data) == ["total_pages", "total_count", "notices", "fixed_notices"]
    assert (len(data["notices"]), data["fixed_notices"]) == (20, [])
    assert data["total_pages"] == -(-data["total_count"] // 20)
    row = data["notices"][0]
    assert list(row) == [
        "listed_at", "first_listed_at", "id", "title", "category", "need_new_badge", "need_update_badge",
    ]  # fmt: skip
    assert (type(row["id"]), row["category"], type(row["need_new_badge"])) == (int, "거래", bool)
    assert datetime.fromisoformat(row["first_listed_at"]).utcoffset() == timedelta(hours=9)


async def test_pages_follow_each_other(sim: Simulated) -> None:
    whole = await rows(sim, "?per_page=40")
    assert await rows(sim, "?per_page=20&page=1") + await rows(sim, "?per_page=20&page=2") == whole
    assert await rows(sim, "?per_page=20&page=9999") == []
    assert {row["category"] for row in await rows(sim, "?category=all&per_page=40")} > {"거래", "입출금"}


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?per_page=-1", "?category=nope"])
async def test_a_bad_parameter_is_400(sim: Simulated, query: str) -> None:
    reply, body = await ask(sim, query)
    assert (reply.status, json.loads(body)["success"]) == (400, False)


async def test_the_shape_of_before_2024_is_gone(sim: Simulated) -> None:
    reply, _ = await ask(sim, "?page=1&per_page=20&thread_name=general", path="/api/v1/notices")
    assert reply.status == 404


async def test_english_comes_by_a_header(sim: Simulated) -> None:
    await sim.post("/notice", coins=[{**TIA, "english": "Celestia"}])
    data = await page(sim, Accept_Language="en-US,en;q=0.9")
    row = data["notices"][0]
    assert (row["title"], row["category"]) == ("Market Support for Celestia(TIA) (KRW, BTC, USDT Market)", "Trade")
    assert (await rows(sim))[0]["title"] == "셀레스티아(TIA) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)"


# Saving and pace


async def test_a_list_that_has_not_changed_is_304_without_a_body(sim: Simulated) -> None:
    reply, _ = await ask(sim)
    tag = reply.headers["ETag"]
    for asked in (tag, tag.removeprefix("W/"), f'"another", {tag}', "*"):
        again, body = await ask(sim, If_None_Match=asked)
        assert (again.status, body, again.headers["ETag"]) == (304, "", tag)
    assert (await ask(sim, If_None_Match='"another"'))[0].status == 200
    notice = await sim.post("/notice", coins=[TIA])
    await first(sim, notice["id"])
    changed, _ = await ask(sim, If_None_Match=tag)
    assert (changed.status, changed.headers["ETag"] != tag) == (200, True)


async def test_about_one_request_in_six_seconds_passes() -> None:
    async with simulator(only=["upbit"], divide_timers=20) as sim:  # 10 in 3 s
        statuses = [(await ask(sim))[0].status for _ in range(12)]
        assert statuses == [200] * 10 + [429] * 2
        assert (await sim.state())["violations"] == {"upbit announcements": {"127.0.0.1": 2}}
        assert (await ask(sim, path="/v1/market/all"))[0].status == 200, "the API is another host"
        async with asyncio.timeout(CEILING):
            while (await ask(sim))[0].status != 200:  # noqa: ASYNC110 - the list lies across HTTP
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_the_list_can_be_refused_and_the_api_not(sim: Simulated, status: int) -> None:
    await sim.fault("rest_error", exchange="upbit", path=LIST, status=status, body="<html>Attention Required!</html>")
    reply, body = await ask(sim)
    assert (reply.status, body) == (status, "<html>Attention Required!</html>")
    assert (await ask(sim, path="/v1/market/all"))[0].status == 200


# A notice


async def test_a_notice_appears_with_its_time(sim: Simulated) -> None:
    before = time.time_ns()
    notice = await sim.post("/notice", coins=[TIA])
    row = await first(sim, notice["id"])
    assert datetime.fromisoformat(row["first_listed_at"]).timestamp() * SECOND == notice["first_listed"]
    assert before - SECOND < notice["first_listed"] <= notice["shown"] < time.time_ns()
    assert (row["listed_at"], row["need_new_badge"], row["need_update_badge"]) == (row["first_listed_at"], True, False)
    assert notice["coins"] == {"TIA": ["KRW", "BTC", "USDT"]}


async def test_coins_with_their_own_markets_share_a_notice(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA, IO])
    title = (await first(sim, notice["id"]))["title"]
    assert title == "셀레스티아(TIA)(KRW, BTC, USDT 마켓), 아이오넷(IO)(BTC, USDT 마켓) 신규 거래지원 안내"
    assert notice["coins"] == {"TIA": ["KRW", "BTC", "USDT"], "IO": ["BTC", "USDT"]}


async def test_any_title_of_any_category_can_be_published(sim: Simulated) -> None:
    title = "솔라나(SOL) 입출금 재개 안내"
    notice = await sim.post("/notice", title=title, category="wallet")
    row = await first(sim, notice["id"])
    assert (row["title"], row["category"]) == (title, "입출금")
    assert notice["id"] not in [row["id"] for row in await rows(sim, "?category=trade")]


async def test_a_notice_can_be_seen_late(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA], **{"in": -30})
    row = await first(sim, notice["id"])
    age = time.time() - datetime.fromisoformat(row["first_listed_at"]).timestamp()
    assert 30 <= age < 35
    later = await sim.post("/notice", coins=[IO], late=0.5)
    assert later["shown"] - later["first_listed"] >= SECOND // 2
    assert (await rows(sim))[0]["id"] == notice["id"]
    await first(sim, later["id"])
    assert time.time_ns() >= later["shown"]


async def test_two_notices_come_between_two_looks(sim: Simulated) -> None:
    one, two = await sim.post("/notice", coins=[TIA]), await sim.post("/notice", coins=[IO])
    await first(sim, two["id"])
    assert [row["id"] for row in await rows(sim)][:2] == [two["id"], one["id"]]


async def test_edits_move_time_and_title_and_keep_the_id(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA], edits=2, every=1.1)
    seen = [await first(sim, notice["id"])]
    async with asyncio.timeout(CEILING):
        while len(seen) < 3:
            row = (await rows(sim))[0]
            if row != seen[-1]:
                seen.append(row)
            await asyncio.sleep(0.05)
    assert {(row["id"], row["first_listed_at"]) for row in seen} == {(notice["id"], seen[0]["first_listed_at"])}
    assert [row["need_update_badge"] for row in seen] == [False, True, True]
    assert len({row["listed_at"] for row in seen}) == 3
    suffixes = ["", " (거래지원 개시 시점 안내)", " (거래지원 개시 시점 연기 안내)"]
    assert [row["title"] for row in seen] == [notice["title"] + suffix for suffix in suffixes]


async def test_an_edit_can_add_a_market_and_bring_an_old_notice_to_the_top(sim: Simulated) -> None:
    old = (await rows(sim, "?page=2"))[3]
    await sim.post("/notice/edit", id=old["id"], coins=[TIA], shape=1)
    row = await first(sim, old["id"])
    assert row["title"] == "셀레스티아(TIA) KRW, BTC, USDT 마켓 디지털 자산 추가"
    assert row["first_listed_at"] == old["first_listed_at"] < row["listed_at"]


async def test_the_list_can_be_reordered(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA])
    await first(sim, notice["id"])
    usual = [row["id"] for row in await rows(sim)]
    await sim.post("/notices", order="shuffled")
    shuffled = [row["id"] for row in await rows(sim)]
    assert (sorted(shuffled), shuffled != usual, shuffled[0] != notice["id"]) == (sorted(usual), True, True)


async def test_a_notice_can_come_where_pinned_ones_stand(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA], pinned=True)
    async with asyncio.timeout(CEILING):
        while not (data := await page(sim, "?page=3"))["fixed_notices"]:  # noqa: ASYNC110 - the list lies across HTTP
            await asyncio.sleep(0.02)
    assert [row["id"] for row in data["fixed_notices"]] == [notice["id"]]


async def test_a_notice_can_first_come_in_what_is_no_json(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA], malformed=1)
    async with asyncio.timeout(CEILING):
        while (spoilt := await ask(sim))[1].startswith("{"):  # noqa: ASYNC110 - the list lies across HTTP
            await asyncio.sleep(0.02)
    await first(sim, notice["id"])
    assert spoilt[0].headers["ETag"] == (await ask(sim))[0].headers["ETag"]


async def test_its_page_has_a_body_with_the_start_of_trading(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA], starts_in=3600)
    await first(sim, notice["id"])
    _, body = await ask(sim, path=f"{LIST}/{notice['id']}")
    data = json.loads(body)["data"]
    assert {name: data[name] for name in data if name != "body"} == (await rows(sim))[0]
    starts = datetime.fromtimestamp(notice["starts"] / SECOND).astimezone(
        datetime.fromisoformat(data["listed_at"]).tzinfo
    )
    assert f"<p>거래지원 개시 시점 : {starts:%Y-%m-%d %H:%M} KST 예정</p>" in data["body"]
    for path in ("1", "nope", ""):
        assert (await ask(sim, path=f"{LIST}/{path}"))[0].status == 404


async def test_what_was_published_is_told_and_in_the_ledger(sim: Simulated) -> None:
    notice = await sim.post("/notice", coins=[TIA], **{"in": 100})
    assert await sim.get("/notices") == {"published": [notice]}
    assert await sim.records("notice") == [{"type": "notice", "exchange": "upbit", **notice}]
    assert notice["id"] not in [row["id"] for row in await rows(sim)]


@pytest.mark.parametrize(
    ("path", "order", "words"),
    [
        ("/notice", {}, "needs `coins` or a `title`"),
        ("/notice", {"coins": [{"base": "TIA", "markets": ["EUR"]}]}, "markets are some of KRW, BTC, USDT"),
        ("/notice", {"coins": [TIA, IO], "shape": 2}, "take shape 3"),
        ("/notice", {"coins": [TIA], "shape": 9}, "shape is 1 to 5"),
        ("/notice", {"title": "x", "category": "nope"}, "category must be one of notice, trade"),
        ("/notice", {"title": "x", "colour": "red"}, "unknown: colour"),
        ("/notice", {"title": "x", "late": -1}, "`late` is a number of seconds"),
        ("/notice/edit", {"id": 1, "title": "x"}, "no notice 1 is published"),
        ("/notices", {"order": "nope"}, "order must be one of listed_at, id, shuffled"),
    ],
)
async def test_a_wrong_order_is_refused_in_words(sim: Simulated, path: str, order: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        await sim.post(path, **order)


# The market list


async def test_a_coin_appears_in_the_market_list_at_its_moment(sim: Simulated) -> None:
    answer = await sim.post(
        "/universe", exchange="upbit", market="spot", list=[{"base": "NEWC", "quote": "KRW"}], **{"in": 0.5}
    )

    async def listed() -> bool:
        _, body = await ask(sim, path="/v1/market/all")
        return '"KRW-NEWC"' in body

    assert not await listed()
    async with asyncio.timeout(CEILING):
        while not await listed():  # noqa: ASYNC110 - the list lies across HTTP
            await asyncio.sleep(0.15)
    assert time.time_ns() >= answer["due"]
    with pytest.raises(ValueError, match="only `list` can wait"):
        await sim.post("/universe", exchange="upbit", market="spot", delist=["KRW-BTC"], **{"in": 1})
