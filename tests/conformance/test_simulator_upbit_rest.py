"""The simulated Upbit over REST against sections 9.1 and 9.3 of the reference, and its recordings."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import CEILING, client
from tests.simulator.core.market import HISTORY
from tests.simulator.testing import Simulated, simulator

CAUTIONS = [
    "PRICE_FLUCTUATIONS", "TRADING_VOLUME_SOARING", "DEPOSIT_AMOUNT_SOARING", "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
]  # fmt: skip


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["upbit"]) as running:
        yield running


async def ask(sim: Simulated, path: str, **headers: str) -> tuple[ClientResponse, Any]:
    """GET; reply and body."""
    async with sim.http.get(sim.rest("upbit", "spot") + path, headers=headers) as reply:
        return reply, json.loads(await reply.text())


async def ticks(sim: Simulated, query: str) -> list[dict[str, Any]]:
    """Rows of the back-fill; waits for the next second when this one's requests are used up."""
    async with asyncio.timeout(CEILING):
        while True:
            reply, body = await ask(sim, f"/v1/trades/ticks?market=KRW-BTC&{query}")
            if reply.headers["remaining-req"].endswith("sec=0"):
                await asyncio.sleep(1)
            if reply.status == 200:
                return list(body)


# The list


async def test_the_list_has_its_real_size_and_all_quotes(sim: Simulated) -> None:
    _, rows = await ask(sim, "/v1/market/all?is_details=true")
    assert Counter(row["market"].split("-")[0] for row in rows) == {"KRW": 289, "BTC": 328, "USDT": 238}
    assert len({row["market"] for row in rows}) == 855
    bitcoin = next(row for row in rows if row["market"] == "KRW-BTC")
    assert list(bitcoin) == ["market", "korean_name", "english_name", "market_event"]
    assert (bitcoin["korean_name"], bitcoin["english_name"]) == ("비트코인", "Bitcoin")
    assert all(list(row["market_event"]["caution"]) == CAUTIONS for row in rows)
    assert {type(row["market_event"]["warning"]) for row in rows} == {bool}
    assert any(row["market_event"]["warning"] for row in rows)


async def test_without_details_a_row_has_three_fields(sim: Simulated) -> None:
    _, rows = await ask(sim, "/v1/market/all")
    assert {tuple(row) for row in rows} == {("market", "korean_name", "english_name")}


async def test_a_delisted_pair_vanishes_and_trades_no_more(sim: Simulated) -> None:
    await sim.post("/universe", exchange="upbit", market="spot", delist=["KRW-BTC"])
    _, rows = await ask(sim, "/v1/market/all")
    assert len(rows) == 854
    assert "KRW-BTC" not in {row["market"] for row in rows}
    reply, _ = await ask(sim, "/v1/trades/ticks?market=KRW-BTC")
    assert reply.status == 404
    await sim.post("/rate", total=2000)
    await sim.until(lambda state: state["markets"]["upbit.spot"]["produced"] > 300)
    traded = {row["instrument"] for row in await sim.records() if not row["snapshot_only"]}
    assert "KRW-ETH" in traded
    assert "KRW-BTC" not in traded
    assert (await sim.records("instrument"))[-1]["row"] == {}


async def test_a_listed_pair_appears(sim: Simulated) -> None:
    await sim.post("/universe", exchange="upbit", market="spot", list=[{"base": "NEWC", "quote": "KRW"}])
    _, rows = await ask(sim, "/v1/market/all")
    assert rows[-1]["market"] == "KRW-NEWC"


async def test_the_pairs_in_won_are_the_busy_ones(sim: Simulated) -> None:
    await sim.post("/rate", total=4000)
    state = await sim.until(lambda state: state["markets"]["upbit.spot"]["produced"] > 2000)
    assert state["markets"]["upbit.spot"]["tradable"] == 289
    quotes = Counter(row["instrument"].split("-")[0] for row in await sim.records() if not row["snapshot_only"])
    assert quotes["KRW"] > 0.95 * quotes.total()
    assert quotes["BTC"] + quotes["USDT"] > 0


# Back-fill


async def test_the_newest_trades_come_first_with_the_fields_of_the_reference(sim: Simulated) -> None:
    await sim.trade("upbit", "spot", "KRW-BTC", price="109847000", size="0.00509799", side="sell")
    rows = await ticks(sim, "count=500")
    assert list(rows[0]) == [
        "market", "trade_date_utc", "trade_time_utc", "timestamp", "trade_price", "trade_volume", "prev_closing_price",
        "change_price", "ask_bid", "sequential_id",
    ]  # fmt: skip
    assert (rows[0]["market"], rows[0]["trade_price"], rows[0]["ask_bid"]) == ("KRW-BTC", 109847000.0, "ASK")
    ids = [row["sequential_id"] for row in rows]
    assert ids == sorted(ids, reverse=True)
    ledger = [row for row in await sim.records() if row["instrument"] == "KRW-BTC"]
    assert sorted(map(str, ids)) == sorted(row["id"] for row in ledger)
    assert rows[0]["timestamp"] * 10**6 == ledger[-1]["time"]


async def test_one_row_comes_unless_more_are_asked_for_and_500_at_most(sim: Simulated) -> None:
    await sim.trade("upbit", "spot", "KRW-BTC", 700)
    assert [len(await ticks(sim, query)) for query in ("", "count=7", "count=500", "count=501")] == [1, 7, 500, 500]


async def test_a_cursor_continues_to_older_rows_without_gap_or_repetition(sim: Simulated) -> None:
    await sim.trade("upbit", "spot", "KRW-BTC", 1200)
    found: list[int] = []
    cursor = ""
    while rows := await ticks(sim, f"count=500&cursor={cursor}"):
        found += [row["sequential_id"] for row in rows]
        cursor = str(found[-1])
    ledger = [int(row["id"]) for row in await sim.records() if row["instrument"] == "KRW-BTC"]
    assert len(ledger) < HISTORY
    assert found == sorted(ledger, reverse=True)


async def test_rows_end_at_the_time_and_day_asked_for(sim: Simulated) -> None:
    rows = await ticks(sim, "count=500")
    day, clock = rows[1]["trade_date_utc"], rows[1]["trade_time_utc"]
    days = (datetime.now(UTC).date() - date.fromisoformat(day)).days  # 1 in the first hour of a day
    expected = [row for row in rows if (row["trade_date_utc"], row["trade_time_utc"]) < (day, clock)]
    for to in (clock, clock.replace(":", "")):
        assert await ticks(sim, f"count=500&to={to}" + (f"&days_ago={days}" if days else "")) == expected
    assert len(expected) >= 2
    assert await ticks(sim, "count=500&days_ago=7") == []


@pytest.mark.parametrize("code", ["KRW-NOPE", "krw-btc"])
async def test_an_unknown_code_is_404_with_a_number_for_a_name(sim: Simulated, code: str) -> None:
    reply, body = await ask(sim, f"/v1/trades/ticks?market={code}")
    assert reply.status == 404
    assert body == {"error": {"name": 404, "message": "Code not found"}}


@pytest.mark.parametrize(
    "query",
    ["", "market=KRW-BTC&count=x", "market=KRW-BTC&count=0", "market=KRW-BTC&days_ago=8", "market=KRW-BTC&to=9"],
)
async def test_a_bad_parameter_is_400(sim: Simulated, query: str) -> None:
    reply, body = await ask(sim, f"/v1/trades/ticks?{query}")
    assert (reply.status, body["error"]["name"]) == (400, 400)


# Limits


async def test_each_reply_says_what_is_left_of_its_groups_second(sim: Simulated) -> None:
    for path, group in (("/v1/market/all", "market"), ("/v1/trades/ticks?market=KRW-BTC", "trade")):
        reply, _ = await ask(sim, path)
        assert reply.headers["remaining-req"] == f"group={group}; min=600; sec=9"


async def test_the_eleventh_request_in_a_second_is_429_and_who_goes_on_is_blocked() -> None:
    async with simulator(only=["upbit"], divide_timers=30) as sim:
        answers: list[tuple[ClientResponse, Any]] = []
        async with asyncio.timeout(CEILING):
            while not answers or answers[-1][0].status != 418:
                answers.append(await ask(sim, "/v1/trades/ticks?market=KRW-BTC"))
        statuses = [reply.status for reply, _ in answers]
        assert statuses[:10] == [200] * 10
        assert statuses[-5:] == [429] * 4 + [418]
        refused, body = answers[-2]
        assert body["error"]["name"] == "too_many_requests"
        assert refused.headers["remaining-req"] == "group=trade; min=600; sec=0"
        assert "blocked for 2 seconds" in answers[-1][1]["error"]["message"]
        with pytest.raises(InvalidStatus) as shut:
            async with client(sim.websocket("upbit", "spot") + "/websocket/v1"):
                pass
        assert shut.value.response.status_code == 418
        async with asyncio.timeout(CEILING):
            while (await ask(sim, "/v1/market/all"))[0].status != 200:  # noqa: ASYNC110 - the block lies across HTTP
                await asyncio.sleep(0.2)


async def test_a_request_with_an_origin_is_let_through_once_in_ten_seconds(sim: Simulated) -> None:
    origin = {"Origin": "https://example.org"}
    statuses = [(await ask(sim, "/v1/market/all", **origin))[0].status for _ in range(2)]
    assert [*statuses, (await ask(sim, "/v1/market/all"))[0].status] == [200, 429, 200]


# Recordings


async def test_a_recording_is_played_with_its_list_and_its_opcode(tmp_path: Path) -> None:
    frame = '{"ty":"trade","cd":"KRW-LAMB","tp":127.0,"sid":1618678262000003,"st":"REALTIME"}'
    lines: list[dict[str, Any]] = [
        {"kind": "http", "url": "https://api.upbit.com/v1/market/all", "data": '[{"market": "KRW-LAMB"}]'},
        {"kind": "connect", "url": "wss://api.upbit.com/websocket/v1"},
        {"kind": "recv", "data": frame, "binary": True},
    ]
    file = tmp_path / "recording.jsonl"
    file.write_text("".join(json.dumps({"t": 1.5, **line}) + "\n" for line in lines), "utf-8")
    async with simulator(only=["upbit"], replay=[file], divide_timers=10) as sim:
        assert (await ask(sim, "/v1/market/all?is_details=true"))[1] == [{"market": "KRW-LAMB"}]
        async with client(sim.websocket("upbit", "spot") + "/websocket/v1") as socket:
            await socket.send('[{"ticket":"t"},{"type":"trade","codes":["KRW-LAMB"]}]')
            assert await asyncio.wait_for(socket.recv(), CEILING) == frame.encode()
        assert (await sim.state())["replay"]["done"]
