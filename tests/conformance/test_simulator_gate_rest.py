"""The simulated REST API of Gate against sections 7.1, 7.2 and 7.8 of the reference."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients import client, receive
from tests.conformance.gate import subscribe, url
from tests.simulator.testing import Simulated, simulator

PAIRS, CONTRACTS = "/api/v4/spot/currency_pairs", "/api/v4/futures/usdt/contracts"
SPOT, FUTURES = "/api/v4/spot/trades", "/api/v4/futures/usdt/trades"


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["gate"]) as running:
        yield running


async def fetch(
    sim: Simulated, path: str, headers: Mapping[str, str] | None = None, /, **query: str | int
) -> tuple[int, Any]:
    """Status and body of a GET."""
    asked = {key.strip("_"): str(value) for key, value in query.items()}
    async with sim.http.get(sim.rest("gate", "spot") + path, params=asked, headers=headers) as reply:
        return reply.status, json.loads(await reply.text(), parse_float=str)


async def rows(sim: Simulated, path: str, **query: str | int) -> list[dict[str, Any]]:
    status, body = await fetch(sim, path, **query)
    assert status == 200, body
    assert isinstance(body, list)
    return body


async def traded(sim: Simulated, market: str, name: str, count: int = 1, **fields: Any) -> None:
    """Produces trades of an untouched instrument (20 come before them); waits until all frames have gone out."""
    before = (await sim.state())["markets"][f"gate.{market}"]
    await sim.trade("gate", market, name, count, **fields)
    await sim.until(lambda state: state["markets"][f"gate.{market}"]["serial"] >= before["serial"] + 20 + count)


# The lists


async def test_the_pairs_have_their_real_number_and_all_stages(sim: Simulated) -> None:
    pairs = await rows(sim, PAIRS)
    assert len({row["id"] for row in pairs}) == len(pairs) == 2300
    assert Counter(row["quote"] for row in pairs)["USDT"] > 1900
    assert {row["trade_status"] for row in pairs} == {"untradable", "buyable", "sellable", "tradable"}
    assert {row["type"] for row in pairs} == {"normal", "premarket"}
    ahead = [row for row in pairs if max(row["buy_start"], row["sell_start"]) > time.time()]
    assert {row["trade_status"] for row in ahead} == {"untradable", "tradable"}
    assert any(not row["id"].isascii() for row in pairs)
    assert all(row["id"] == f"{row['base']}_{row['quote']}" for row in pairs)
    assert list(pairs[0]) == [
        "id", "base", "base_name", "quote", "quote_name", "fee", "min_base_amount", "min_quote_amount",
        "amount_precision", "precision", "trade_status", "sell_start", "buy_start", "delisting_time", "type", "st_tag",
    ]  # fmt: skip


async def test_the_contracts_have_their_real_number_and_all_kinds(sim: Simulated) -> None:
    contracts = await rows(sim, CONTRACTS)
    assert len({row["name"] for row in contracts}) == len(contracts) == 983
    assert {row["status"] for row in contracts} == {
        "prelaunch", "trading", "delisting", "delisted", "circuit_breaker",
    }  # fmt: skip
    assert sum(row["enable_decimal"] for row in contracts) == 14
    assert "stocks" in {row["contract_type"] for row in contracts}
    assert {row["type"] for row in contracts} == {"direct"}
    assert all(any(row[flag] for row in contracts) for flag in ("in_delisting", "is_pre_market"))
    named = {row["name"]: row for row in contracts}
    assert "币安人生_USDT" in named
    assert named["BTC_USDT"]["quanto_multiplier"] == "0.0001"
    assert all(isinstance(row["quanto_multiplier"], str) for row in contracts)
    assert list(named["BTC_USDT"]) == [
        "name", "type", "quanto_multiplier", "order_price_round", "mark_price_round", "order_size_min",
        "order_size_max", "status", "in_delisting", "is_pre_market", "enable_decimal", "create_time", "launch_time",
        "trade_id", "funding_interval", "contract_type",
    ]  # fmt: skip


async def test_a_limit_cuts_the_contracts(sim: Simulated) -> None:
    whole = [row["name"] for row in await rows(sim, CONTRACTS)]
    assert [row["name"] for row in await rows(sim, CONTRACTS, limit=100)] == whole[:100]
    assert [row["name"] for row in await rows(sim, CONTRACTS, limit=100, offset=950)] == whole[950:]


async def test_the_contracts_name_the_newest_trade(sim: Simulated) -> None:
    await traded(sim, "futures", "BTC_USDT", 3)
    contracts = await rows(sim, CONTRACTS)
    newest = next(row["trade_id"] for row in contracts if row["name"] == "BTC_USDT")
    assert str(newest) == (await sim.records())[-1]["id"]


async def test_pairs_and_contracts_come_and_go_while_it_runs(sim: Simulated) -> None:
    for market, path, key in (("spot", PAIRS, "id"), ("futures", CONTRACTS, "name")):
        await sim.post("/universe", exchange="gate", market=market, list=[{"base": "SOMI9"}], delist=["ETH_USDT"])
        found = {row[key]: row for row in await rows(sim, path)}
        assert "SOMI9_USDT" in found
        gone = found["ETH_USDT"]
        assert gone["trade_status"] == "untradable" if market == "spot" else gone["status"] == "delisted"


async def test_a_changed_multiplier_reaches_the_ledger(sim: Simulated) -> None:
    change = {"BTC_USDT": {"quanto_multiplier": "0.001"}}
    await sim.post("/universe", exchange="gate", market="futures", change=change)
    assert (await sim.records("instrument"))[-1]["multiplier"] == "0.001"


async def test_a_start_that_lies_ahead_is_waited_for(sim: Simulated) -> None:
    ahead = [row["id"] for row in await rows(sim, PAIRS) if row["buy_start"] > time.time()]
    assert await rows(sim, SPOT, currency_pair=ahead[0]) == []
    assert (await sim.state())["markets"]["gate.spot"]["tradable"] > 1900


# Back-fill


async def test_spot_rows_are_strings_and_those_of_the_stream(sim: Simulated) -> None:
    async with client(url(sim, "spot")) as socket:
        await subscribe(socket, "spot", "BTC_USDT")
        await sim.trade("gate", "spot", "BTC_USDT", 2)
        live = [(await receive(socket))["result"] for _ in range(2)]
    found = await rows(sim, SPOT, currency_pair="BTC_USDT", limit=2)
    assert found == [
        {
            **{key: str(trade[key]) for key in ("id", "create_time", "create_time_ms", "currency_pair")},
            **{key: trade[key] for key in ("side", "amount", "price")},
            "sequence_id": str(trade["id_market"]),
        }
        for trade in reversed(live)
    ]
    assert list(found[0]) == [
        "id", "create_time", "create_time_ms", "currency_pair", "side", "amount", "price", "sequence_id",
    ]  # fmt: skip


async def test_futures_rows_are_numbers_with_their_times_in_seconds(sim: Simulated) -> None:
    await traded(sim, "futures", "ETH_USDT", size="10.5", side="sell", kind="internal")
    ledger = (await sim.records())[-1]
    (row,) = await rows(sim, FUTURES, contract="ETH_USDT", limit=1)
    whole, _, fraction = row["create_time_ms"].partition(".")  # a number in JSON; read as its text here
    assert (len(whole), len(fraction)) == (10, 3)
    assert int(whole + fraction) * 10**6 == ledger["time"]
    assert row == {
        "id": int(ledger["id"]), "create_time": row["create_time_ms"], "create_time_ms": row["create_time_ms"],
        "contract": "ETH_USDT", "size": -10, "price": ledger["price"], "is_internal": True,
    }  # fmt: skip


async def test_the_size_header_holds_for_futures_rows_too(sim: Simulated) -> None:
    await traded(sim, "futures", "ETH_USDT", size="10.5", side="sell")
    _, (row, *_) = await fetch(sim, FUTURES, {"X-Gate-Size-Decimal": "1"}, contract="ETH_USDT")
    assert row["size"] == "-10.5"


@pytest.mark.parametrize(("path", "key", "market"), [(SPOT, "currency_pair", "spot"), (FUTURES, "contract", "futures")])
async def test_rows_are_newest_first_100_unless_told_and_1000_at_most(
    sim: Simulated, path: str, key: str, market: str
) -> None:
    await traded(sim, market, "BTC_USDT", 1200)
    ids = [int(row["id"]) for row in await rows(sim, path, **{key: "BTC_USDT"})]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 100
    assert len(await rows(sim, path, **{key: "BTC_USDT"}, limit=1000)) == 1000
    assert (await fetch(sim, path, **{key: "BTC_USDT"}, limit=1001))[0] == 400


async def test_pages_of_spot_and_offsets_of_futures_lead_back(sim: Simulated) -> None:
    for market in ("spot", "futures"):
        await traded(sim, market, "BTC_USDT", 300)
    whole = await rows(sim, SPOT, currency_pair="BTC_USDT", limit=300)
    assert await rows(sim, SPOT, currency_pair="BTC_USDT", page=3) == whole[200:]
    whole = await rows(sim, FUTURES, contract="BTC_USDT", limit=300)
    assert await rows(sim, FUTURES, contract="BTC_USDT", offset=250, limit=50) == whole[250:]


@pytest.mark.parametrize(("path", "key"), [(SPOT, "currency_pair"), (FUTURES, "contract")])
async def test_from_and_to_bound_the_rows_in_whole_seconds(sim: Simulated, path: str, key: str) -> None:
    whole = await rows(sim, path, **{key: "BTC_USDT"})  # twenty rows of the hour before the start
    times = [int(row["create_time_ms"].partition(".")[0][:10]) for row in whole]
    start, end = times[15], times[5]
    some = await rows(sim, path, **{key: "BTC_USDT"}, from_=start, to=end)
    assert some == [row for row, at in zip(whole, times, strict=True) if start <= at <= end]
    assert 11 <= len(some) < len(whole)


async def test_a_last_id_leads_forward_and_in_reverse_back(sim: Simulated) -> None:
    whole = await rows(sim, SPOT, currency_pair="BTC_USDT")
    middle = whole[8]["id"]
    assert await rows(sim, SPOT, currency_pair="BTC_USDT", last_id=middle) == whole[:8]
    assert await rows(sim, SPOT, currency_pair="BTC_USDT", last_id=middle, reverse="true") == whole[9:]
    futures = await rows(sim, FUTURES, contract="BTC_USDT")
    assert await rows(sim, FUTURES, contract="BTC_USDT", last_id=futures[8]["id"]) == futures[9:]


@pytest.mark.parametrize(
    ("path", "query", "label"),
    [
        (SPOT, {}, "MISSING_REQUIRED_PARAM"),
        (SPOT, {"currency_pair": "NOPE_USDT"}, "INVALID_CURRENCY_PAIR"),
        (SPOT, {"currency_pair": "BTC_USDT", "limit": 0}, "INVALID_PARAM_VALUE"),
        (SPOT, {"currency_pair": "BTC_USDT", "from_": "yesterday"}, "INVALID_PARAM_VALUE"),
        (SPOT, {"currency_pair": "BTC_USDT", "limit": 1000, "page": 102}, "INVALID_PARAM_VALUE"),
        (FUTURES, {}, "MISSING_REQUIRED_PARAM"),
        (FUTURES, {"contract": "NOPE_USDT"}, "CONTRACT_NOT_FOUND"),
    ],
)
async def test_a_wrong_request_is_400_with_a_label(
    sim: Simulated, path: str, query: dict[str, str | int], label: str
) -> None:
    status, body = await fetch(sim, path, **query)
    assert (status, body["label"]) == (400, label)
    assert list(body) == ["label", "message"]


async def test_an_unknown_path_is_404(sim: Simulated) -> None:
    assert (await fetch(sim, "/api/v4/spot/nope"))[0] == 404


async def test_more_than_200_requests_in_ten_seconds_get_429_on_their_endpoint_alone(sim: Simulated) -> None:
    remained: list[int] = []
    for _ in range(450):  # a full span of ten seconds may begin in between
        async with sim.http.get(sim.rest("gate", "spot") + SPOT) as reply:
            assert reply.headers["x-gate-ratelimit-limit"] == "200"
            assert int(reply.headers["x-gate-ratelimit-reset-timestamp"]) > time.time() - 1
            remained.append(int(reply.headers["x-gate-ratelimit-requests-remain"]))
            if reply.status == 429:
                assert "label" in await reply.json()
                break
    else:
        raise AssertionError("no 429 within 450 requests")
    assert remained[0] == 199
    assert remained[-1] == 0
    assert (await fetch(sim, FUTURES, contract="BTC_USDT"))[0] == 200
    assert (await sim.state())["violations"] == {"gate requests": {"127.0.0.1": 1}}


# Recordings


def recording(folder: Path, market: str, body: str) -> Path:
    """A recording with a list and one frame."""
    rest, socket = {
        "spot": (PAIRS, "wss://api.gateio.ws/ws/v4/"),
        "futures": (CONTRACTS, "wss://fx-ws.gateio.ws/v4/ws/usdt"),
    }[market]
    lines = [
        {"t": 1.5, "kind": "http", "url": f"https://api.gateio.ws{rest}", "data": body},
        {"t": 1.6, "kind": "connect", "url": socket},
        {"t": 1.7, "kind": "recv", "data": f'{{"of" : "{market}"}}'},
    ]
    file = folder / f"{market}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


async def test_a_recorded_list_is_served_for_its_own_market_alone(tmp_path: Path) -> None:
    async with simulator(only=["gate"], replay=[recording(tmp_path, "spot", "[ ]")]) as sim:
        assert await rows(sim, PAIRS) == []
        assert len(await rows(sim, CONTRACTS)) == 983


async def test_frames_of_a_recording_come_after_a_subscription_to_anything(tmp_path: Path) -> None:
    async with (
        simulator(only=["gate"], replay=[recording(tmp_path, "futures", "[]")], divide_timers=10) as sim,
        client(url(sim, "futures")) as socket,
    ):
        await subscribe(socket, "futures", "WHATEVER")
        assert await receive(socket) == {"of": "futures"}
