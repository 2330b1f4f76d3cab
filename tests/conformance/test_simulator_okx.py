"""The simulated OKX against sections 5.1, 5.3 and 5.5 of the reference: lists, subscriptions, trades."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from tests.conformance.clients import ask, client, receive
from tests.simulator.testing import Simulated, simulator
from tests.simulator.venues.okx import wire

SPOT_KEYS = [
    *("instType", "instId", "uly", "instFamily", "baseCcy", "quoteCcy", "settleCcy"),
    *("ctVal", "ctMult", "ctValCcy", "ctType", "tickSz", "lotSz", "minSz", "listTime"),
    *("contTdSwTime", "openType", "expTime", "state", "ruleType", "instCategory"),
]
SWAP_KEYS = [key for key in SPOT_KEYS if key not in {"contTdSwTime", "openType"}]
BTC, SWAP = "BTC-USDT", "BTC-USDT-SWAP"


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["okx"]) as running:
        yield running


def url(sim: Simulated, path: str = "business") -> str:
    return f"{sim.websocket('okx', 'spot')}/ws/v5/{path}"


def request(op: str, channel: str, *names: str, **more: Any) -> dict[str, Any]:
    return {**more, "op": op, "args": [{"channel": channel, "instId": name} for name in names]}


async def subscribe(socket: ClientConnection, channel: str, *names: str) -> dict[str, dict[str, Any]]:
    """Subscribes; answers the last trade of each name."""
    await socket.send(json.dumps(request("subscribe", channel, *names)))
    last = {}
    for name in names:
        assert (await receive(socket))["arg"] == {"channel": channel, "instId": name}
        last[name] = (await receive(socket))["data"][0]
    return last


async def rows(sim: Simulated, kind: str) -> list[dict[str, str]]:
    async with sim.http.get(f"{sim.rest('okx', 'spot')}/api/v5/public/instruments?instType={kind}") as reply:
        body = await reply.json()
    assert (body["code"], body["msg"]) == ("0", "")
    return list(body["data"])


# The lists


async def test_the_spot_list_has_all_quotes_and_states_and_texts_alone(sim: Simulated) -> None:
    found = await rows(sim, "SPOT")
    assert len(found) > 700
    assert all(list(row) == SPOT_KEYS for row in found)
    assert {type(value) for row in found for value in row.values()} == {str}
    live = Counter(row["quoteCcy"] for row in found if row["state"] == "live")
    assert live["USDT"] >= 300
    assert all(live[quote] for quote in ("USDC", "BTC", "ETH", "EUR", "USD", "TRY"))
    assert {row["state"] for row in found} == {"live", "suspend", "preopen", "test"}


async def test_the_swap_list_has_all_margins_categories_and_rules(sim: Simulated) -> None:
    found = await rows(sim, "SWAP")
    assert all(list(row) == SWAP_KEYS for row in found)
    kinds = Counter(
        (row["ctType"], row["settleCcy"], row["instCategory"], row["ruleType"])
        for row in found
        if row["state"] == "live"
    )
    assert kinds["linear", "USDT", "1", "normal"] == 270
    assert kinds["linear", "USDC", "1", "normal"] > 0
    assert kinds["inverse", "BTC", "1", "normal"] == 1
    assert all(kinds["linear", "USDT", category, "normal"] for category in "3456")
    assert all(kinds["linear", "USDT", "1", rule] for rule in ("pre_market", "rebase_contract", "xperp"))
    assert {row["state"] for row in found} >= {"suspend", "preopen", "settling", "post_only", "rebase"}
    assert all(row["baseCcy"] == row["quoteCcy"] == "" for row in found)


async def test_the_reference_swap_is_listed_as_in_the_reference(sim: Simulated) -> None:
    row = next(row for row in await rows(sim, "SWAP") if row["instId"] == SWAP)
    assert (row["uly"], row["ctVal"], row["ctMult"], row["ctValCcy"]) == (BTC, "0.01", "1", "BTC")
    assert (row["tickSz"], row["lotSz"], row["settleCcy"], row["expTime"]) == ("0.1", "0.01", "USDT", "")


@pytest.mark.parametrize("kind", ["SPOT", "SWAP"])
async def test_what_was_just_announced_has_a_name_a_time_and_a_state_alone(sim: Simulated, kind: str) -> None:
    bare = [row for row in await rows(sim, kind) if not row["instType"]]
    assert len(bare) == 2
    assert all({key for key in row if row[key]} == {"instId", "listTime", "state"} for row in bare)
    assert {row["state"] for row in bare} == {"preopen"}


async def test_the_ledger_has_the_coins_of_a_contract_exactly(sim: Simulated) -> None:
    known = {row["instrument"]: row for row in await sim.records("instrument") if row["market"] == "futures"}
    assert [known[SWAP][key] for key in ("base", "quote", "multiplier")] == ["BTC", "USDT", "0.01"]
    tenfold = next(row for row in known.values() if row["row"]["ctMult"] == "10")
    assert tenfold["multiplier"] == tenfold["row"]["ctVal"] + "0"
    announced = next(row for row in known.values() if not row["row"]["instType"])
    assert (announced["multiplier"], announced["quote"]) == (None, "USDT")
    assert announced["instrument"] == f"{announced['base']}-USDT-SWAP"


async def test_a_changed_contract_size_is_in_the_ledger(sim: Simulated) -> None:
    await sim.post("/universe", exchange="okx", market="futures", change={SWAP: {"ctVal": "0.25", "ctMult": "0.1"}})
    newest = [row for row in await sim.records("instrument") if row["instrument"] == SWAP][-1]
    assert newest["multiplier"] == "0.025"


# Acks


async def test_each_arg_is_acknowledged_and_followed_by_its_last_trade(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        ack = await ask(socket, request("subscribe", "trades-all", BTC, SWAP, id="1512"))
        last, second, other = [await receive(socket) for _ in range(3)]
    assert list(ack) == ["id", "event", "arg", "connId"]
    assert (ack["id"], ack["event"]) == ("1512", "subscribe")
    assert ack["arg"] == last["arg"] == {"channel": "trades-all", "instId": BTC}
    assert second["arg"] == other["arg"] == {"channel": "trades-all", "instId": SWAP}
    assert len(ack["connId"]) == 8
    assert ack["connId"] == second["connId"]


async def test_an_id_is_echoed_only_if_it_was_sent(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        ack = await ask(socket, request("subscribe", "trades-all", BTC))
    assert list(ack) == ["event", "arg", "connId"]


async def test_the_last_trade_is_that_of_rest_and_once_in_the_ledger(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        last = (await subscribe(socket, "trades-all", "ZIL-USDT"))["ZIL-USDT"]
    async with sim.http.get(f"{sim.rest('okx', 'spot')}/api/v5/market/trades?instId=ZIL-USDT&limit=1") as reply:
        assert (await reply.json())["data"] == [last]
    assert [row["snapshot_only"] for row in await sim.records() if row["id"] == last["tradeId"]] == [True]


async def test_an_instrument_that_never_traded_has_no_last_trade(sim: Simulated) -> None:
    bare = next(row["instId"] for row in await rows(sim, "SPOT") if not row["instType"])
    async with client(url(sim)) as socket:
        assert (await ask(socket, request("subscribe", "trades-all", bare)))["event"] == "subscribe"
        await socket.send("ping")
        assert await socket.recv() == "pong"


async def test_a_bad_arg_gets_an_error_and_leaves_the_others_alone(sim: Simulated) -> None:
    async with client(url(sim, "public")) as socket:
        error = await ask(socket, request("subscribe", "trades", "NOPE-USDT", BTC))
        ack = await receive(socket)
    assert list(error) == ["event", "msg", "code", "connId"]
    assert (error["event"], error["code"]) == ("error", "60018")
    assert error["msg"] == (
        "Subscribe failed, wrong URL or channel:trades,instId:NOPE-USDT doesn't exist. "
        "Please use the correct URL, channel and parameters referring to API document."
    )
    assert (ack["event"], ack["arg"]["instId"]) == ("subscribe", BTC)


@pytest.mark.parametrize(
    ("path", "channel", "code"),
    [
        ("public", "trades-all", "60018"),
        ("public", "nope", "60018"),
        ("public", "candle1m", "64001"),
        ("business", "trades", "64002"),
        ("business", "tickers", "64002"),
        ("private", "trades", "60011"),
    ],
)
async def test_a_channel_of_another_path_is_refused(sim: Simulated, path: str, channel: str, code: str) -> None:
    async with client(url(sim, path)) as socket:
        error = await ask(socket, request("subscribe", channel, BTC))
        assert (error["event"], error["code"]) == ("error", code)
        await sim.trade("okx", "spot", BTC)
        await socket.send("ping")
        assert await socket.recv() == "pong"


@pytest.mark.parametrize("name", ["btc-usdt", "BTCUSDT", "trades.BTC-USDT-SWAP"])
async def test_a_name_in_another_spelling_does_not_exist(sim: Simulated, name: str) -> None:
    async with client(url(sim)) as socket:
        assert (await ask(socket, request("subscribe", "trades-all", name)))["code"] == "60018"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"op":"subscribe","argss":[{"channel":"trades","instId":"BTC-USDT"}]}', "60012"),
        ('{"args":[]}', "60012"),
        ('{"op":"subscribe","args":{"channel":"trades"}}', "60012"),
        ('{"id":"has blanks","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}', "60012"),
        ('{"id":7,"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}', "60012"),
        ("[1]", "60012"),
        ("{nonsense", "60012"),
        ("PING", "60012"),
        ('{"op":"subscribe","args":[]}', "60013"),
        ('{"op":"subscribe","args":["trades"]}', "60013"),
        ('{"op":"subscribe","args":[{"channel":"trades"}]}', "60013"),
        ('{"op":"SUBSCRIBE","args":[{"channel":"trades","instId":"BTC-USDT"}]}', "60019"),
    ],
)
async def test_a_malformed_request_gets_its_error(sim: Simulated, text: str, code: str) -> None:
    async with client(url(sim, "public")) as socket:
        error = await ask(socket, text)
    assert list(error) == ["event", "code", "msg", "connId"]
    assert error["code"] == code
    if code == "60012":
        assert error["msg"] == f"Invalid request: {text}"


async def test_an_unsubscribed_instrument_stops(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trades-all", BTC, SWAP)
        ack = await ask(socket, request("unsubscribe", "trades-all", BTC))
        assert (ack["event"], ack["arg"]) == ("unsubscribe", {"channel": "trades-all", "instId": BTC})
        await sim.trade("okx", "spot", BTC)
        await sim.trade("okx", "futures", SWAP)
        assert (await receive(socket))["arg"]["instId"] == SWAP


async def test_another_path_is_refused(sim: Simulated) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with client(sim.websocket("okx", "spot") + "/ws"):
            pass
    assert refused.value.response.status_code == 404


# Trades


async def test_every_fill_is_a_frame_of_its_own_on_the_business_path(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        last = (await subscribe(socket, "trades-all", SWAP))[SWAP]
        await sim.trade("okx", "futures", SWAP, 3, price="80227.1", size="1.25", side="sell")
        frames = [await receive(socket) for _ in range(3)]
    assert all(list(frame) == ["arg", "data"] and len(frame["data"]) == 1 for frame in frames)
    data = [frame["data"][0] for frame in frames]
    assert all(list(row) == ["instId", "tradeId", "px", "sz", "side", "ts", "source"] for row in data)
    assert all(isinstance(value, str) for row in data for value in row.values())
    first = int(last["tradeId"]) + 1
    assert [int(row["tradeId"]) for row in data] == [first, first + 1, first + 2]
    assert [(row["px"], row["sz"], row["side"], len(row["ts"])) for row in data] == [
        ("80227.1", "1.25", "sell", 13)
    ] * 3
    ledger = [row for row in await sim.records() if not row["snapshot_only"]]
    assert [(row["id"], row["seq"], row["connections"]) for row in ledger] == [
        (row["tradeId"], row["tradeId"], 1) for row in data
    ]


async def test_decimals_have_no_trailing_zeros(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trades-all", BTC)
        await sim.trade("okx", "spot", BTC, price="80000.0", size="0.100000")
        row = (await receive(socket))["data"][0]
    assert (row["px"], row["sz"]) == ("80000", "0.1")


async def test_fills_of_one_taker_order_are_one_row_of_the_public_path(
    sim: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "JOIN_NS", 60 * 10**9)
    async with client(url(sim, "public")) as socket:
        last = (await subscribe(socket, "trades", BTC))[BTC]
        await sim.trade("okx", "spot", BTC, 3, price="80227.1", size="0.0004", side="buy")
        await sim.trade("okx", "spot", BTC, price="80227.1", size="0.0004", side="sell")
        frame = await receive(socket)
    (row,) = frame["data"]
    assert frame["arg"] == {"channel": "trades", "instId": BTC}
    assert list(row) == ["instId", "tradeId", "px", "sz", "side", "ts", "count", "source", "seqId"]
    assert (row["sz"], row["count"], row["side"]) == ("0.0012", "3", "buy")
    assert int(row["tradeId"]) - int(row["count"]) == int(last["tradeId"])
    assert [type(row[key]) for key in ("tradeId", "count", "seqId")] == [str, str, int]


async def test_the_source_parts_groups_and_marks_elp_fills(sim: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "JOIN_NS", 60 * 10**9)
    async with client(url(sim, "public")) as socket:
        await subscribe(socket, "trades", BTC)
        for kind in ("elp", None, "elp"):
            await sim.trade("okx", "spot", BTC, price="80227.1", size="0.0004", side="buy", kind=kind)
        found = [(await receive(socket))["data"][0] for _ in range(2)]
    assert [(row["source"], row["count"]) for row in found] == [("1", "1"), ("0", "1")]
    ledger = [row["kind"] for row in await sim.records() if not row["snapshot_only"]]
    assert ledger == ["elp", None, "elp"]


async def test_groups_tile_the_ids_and_add_up_to_the_fills() -> None:
    async with simulator(only=["okx"], symbols=1) as sim, client(url(sim, "public")) as socket:
        last = (await subscribe(socket, "trades", BTC))[BTC]
        await sim.post("/rate", exchange="okx", market="spot", rate=1000)
        groups = [(await receive(socket))["data"][0] for _ in range(60)]
        await sim.post("/pause")
        fills = {row["id"]: row for row in await sim.records() if row["instrument"] == BTC}
    before = int(last["tradeId"])
    for group in groups:
        ids = range(before + 1, int(group["tradeId"]) + 1)
        assert len(ids) == int(group["count"])
        joined = [fills[str(number)] for number in ids]
        assert {(row["price"], row["side"]) for row in joined} == {(group["px"], group["side"])}
        assert sum(Decimal(row["size"]) for row in joined) == Decimal(group["sz"])
        before = int(group["tradeId"])
    assert max(int(group["count"]) for group in groups) > 1


async def test_groups_are_no_lines_of_the_ledger(sim: Simulated) -> None:
    async with client(url(sim, "public")) as socket:
        await subscribe(socket, "trades", BTC)
        await sim.trade("okx", "spot", BTC, 2)
        await receive(socket)
    records = [row for row in await sim.records() if row["instrument"] == BTC]
    assert len({row["id"] for row in records}) == len(records) == 22
    assert not any("aggregate" in row for row in records)
    assert [row["serial"] for row in records] == list(range(1, 23))


async def test_a_new_subscription_repeats_the_newest_trade(sim: Simulated) -> None:
    async with client(url(sim)) as socket:
        await subscribe(socket, "trades-all", BTC)
        await sim.trade("okx", "spot", BTC)
        live = (await receive(socket))["data"][0]
        assert await subscribe(socket, "trades-all", BTC) == {BTC: live}


async def test_other_public_channels_are_acknowledged_and_silent(sim: Simulated) -> None:
    async with client(url(sim, "public")) as socket:
        assert (await ask(socket, request("subscribe", "books5", BTC)))["event"] == "subscribe"
        arg = {"channel": "instruments", "instType": "SPOT"}
        assert (await ask(socket, {"op": "subscribe", "args": [arg]}))["arg"] == arg
        await sim.trade("okx", "spot", BTC)
        await socket.send("ping")
        assert await socket.recv() == "pong"
