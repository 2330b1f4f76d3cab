"""The simulated Binance streams against sections 2.2 to 2.5 and 3.2 to 3.4 of the reference."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conformance.clients import ask, client, receive
from tests.simulator.testing import Simulated, simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["binance.spot", "binance.futures"]) as running:
        yield running


async def test_a_raw_address_sends_bare_payloads(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade") as socket:
        await sim.trade("binance", "spot", "BTCUSDT", price="80227.01", size="0.00042", side="sell")
        trade = await receive(socket)
    assert list(trade) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
    assert (trade["s"], trade["p"], trade["q"], trade["m"]) == ("BTCUSDT", "80227.01000000", "0.00042000", True)


async def test_a_raw_address_takes_several_names(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade/ethusdt@trade") as socket:
        await sim.trade("binance", "spot", "ETHUSDT")
        assert (await receive(socket))["s"] == "ETHUSDT"


async def test_a_combined_address_wraps_the_payload(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/stream?streams=btcusdt@trade/ethusdt@trade") as socket:
        await sim.trade("binance", "spot", "BTCUSDT", side="buy")
        message = await receive(socket)
    assert list(message) == ["stream", "data"]
    assert (message["stream"], message["data"]["m"]) == ("btcusdt@trade", False)


async def test_url_encoded_names_are_accepted(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/stream?streams=btcusdt%40trade%2Fethusdt%40trade") as socket:
        await sim.trade("binance", "spot", "ETHUSDT")
        assert (await receive(socket))["stream"] == "ethusdt@trade"


async def test_an_acknowledgement_is_never_wrapped(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/stream") as socket:
        ack = await ask(socket, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1})
    assert ack == {"result": None, "id": 1}


@pytest.mark.parametrize("number", [1, 2**63 - 1, "a1B2", "9f7c2a1e7c116c2a1d0e6a3e4b559a0c2f7c", None])
async def test_the_id_is_echoed_with_its_type(sim: Simulated, number: object) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws") as socket:
        ack = await ask(socket, {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": number})
    assert ack == {"result": None, "id": number}


async def test_an_unsubscribed_stream_stops(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade/ethusdt@trade") as socket:
        assert await ask(socket, {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 2}) == {
            "result": None,
            "id": 2,
        }
        await sim.trade("binance", "spot", "BTCUSDT")
        await sim.trade("binance", "spot", "ETHUSDT")
        assert (await receive(socket))["s"] == "ETHUSDT"


@pytest.mark.parametrize("name", ["nopeusdt@trade", "BTCUSDT@trade", "btcusdt@nope", "btcusdt"])
async def test_an_unknown_or_upper_case_name_is_acked_and_silent(sim: Simulated, name: str) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/ethusdt@trade") as socket:
        assert await ask(socket, {"method": "SUBSCRIBE", "params": [name], "id": 1}) == {"result": None, "id": 1}
        await sim.trade("binance", "spot", "BTCUSDT")
        await sim.trade("binance", "spot", "ETHUSDT")
        assert (await receive(socket))["s"] == "ETHUSDT"


async def test_the_subscriptions_are_listed(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade") as socket:
        await ask(socket, {"method": "SUBSCRIBE", "params": ["nopeusdt@trade"], "id": 1})
        answer = await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 3})
    assert answer == {"result": ["btcusdt@trade", "nopeusdt@trade"], "id": 3}


async def test_the_property_combined_can_be_set_and_read(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade") as socket:
        assert await ask(socket, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 5}) == {
            "result": None,
            "id": 5,
        }
        assert await ask(socket, {"method": "GET_PROPERTY", "params": ["combined"], "id": 6}) == {
            "result": True,
            "id": 6,
        }
        await sim.trade("binance", "spot", "BTCUSDT")
        assert (await receive(socket))["stream"] == "btcusdt@trade"


METHODS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
ERRORS: list[tuple[str, dict[str, Any]]] = [
    ('{"method":"GET_PROPERTY","params":["nope"],"id":7}', {"code": 0, "msg": "Unknown property", "id": 7}),
    (
        '{"method":"SET_PROPERTY","params":["combined","yes"]}',
        {"code": 1, "msg": "Invalid value type: expected Boolean"},
    ),
    ('{"params":["x"]}', {"code": 2, "msg": "Invalid request: missing field `method` at line 1 column 16"}),
    (
        '{"method":"FOO","params":[]}',
        {"code": 2, "msg": f"Invalid request: unknown variant FOO, expected one of {METHODS} at line 1 column 15"},
    ),
    ('{"method":"GET_PROPERTY","params":["combined","x"]}', {"code": 2, "msg": "Invalid request: too many parameters"}),
    ("nonsense", {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}),
]


@pytest.mark.parametrize(("request_text", "reply"), ERRORS)
async def test_a_bad_request_gets_its_error(sim: Simulated, request_text: str, reply: dict[str, Any]) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws") as socket:
        assert await ask(socket, request_text) == reply


@pytest.mark.parametrize("unit", ["MICROSECOND", "microsecond"])
async def test_time_fields_come_in_microseconds_when_asked(sim: Simulated, unit: str) -> None:
    async with client(sim.websocket("binance", "spot") + f"/ws/btcusdt@trade?timeUnit={unit}") as socket:
        await sim.trade("binance", "spot", "BTCUSDT")
        trade = await receive(socket)
    assert len(str(trade["T"])) == len(str(trade["E"])) == 16


async def test_ids_are_consecutive_for_each_symbol(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade/ethusdt@trade") as socket:
        for _ in range(3):
            await sim.trade("binance", "spot", "BTCUSDT", 2)
            await sim.trade("binance", "spot", "ETHUSDT")
        trades = [await receive(socket) for _ in range(9)]
    for symbol in ("BTCUSDT", "ETHUSDT"):
        ids = [trade["t"] for trade in trades if trade["s"] == symbol]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_nothing_is_sent_before_the_first_trade_after_a_subscription(sim: Simulated) -> None:
    await sim.trade("binance", "spot", "BTCUSDT", 3)
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@trade") as socket:
        await sim.trade("binance", "spot", "BTCUSDT")
        fills = [row for row in await sim.records() if "aggregate" not in row]
        assert (await receive(socket))["t"] == int(fills[-1]["id"])


async def test_a_spot_aggregate_has_the_range_of_its_fills(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "spot") + "/ws/btcusdt@aggTrade") as socket:
        await sim.trade("binance", "spot", "BTCUSDT", 3, price="80000.00", size="0.001", side="buy")
        aggregate = await receive(socket)
    assert list(aggregate) == ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"]
    assert (aggregate["q"], aggregate["l"] - aggregate["f"]) == ("0.00300000", 2)


async def test_an_unknown_path_is_refused(sim: Simulated) -> None:
    with pytest.raises(Exception, match="HTTP 404"):
        async with client(sim.websocket("binance", "spot") + "/nope"):
            pass


# Futures


async def test_futures_trades_flow_on_public(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "futures") + "/public/stream?streams=btcusdt@trade") as socket:
        await sim.trade("binance", "futures", "BTCUSDT", price="80227.0", size="0.010", side="sell")
        trade = (await receive(socket))["data"]
    assert list(trade) == ["e", "E", "T", "s", "t", "p", "q", "X", "m", "st"]
    assert (trade["p"], trade["q"], trade["X"], trade["m"], trade["st"]) == ("80227.00", "0.010", "MARKET", True, 1)


async def test_futures_aggregates_flow_on_market(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "futures") + "/market/ws/btcusdt@aggTrade") as socket:
        await sim.trade("binance", "futures", "BTCUSDT", 2, price="80000.0", size="0.002", side="buy")
        aggregate = await receive(socket)
    assert list(aggregate) == ["e", "E", "a", "s", "p", "q", "nq", "f", "l", "T", "m"]
    assert (aggregate["q"], aggregate["nq"], aggregate["l"] - aggregate["f"]) == ("0.004", "0.004", 1)


@pytest.mark.parametrize(
    ("path", "silent", "flowing"),
    [
        ("/market/ws", "trade", "aggTrade"),
        ("/public/ws", "aggTrade", "trade"),
        ("/ws", "aggTrade", "trade"),
        ("/stream", "aggTrade", "trade"),
    ],
)
async def test_the_wrong_futures_address_acks_and_stays_silent(
    sim: Simulated, path: str, silent: str, flowing: str
) -> None:
    async with client(sim.websocket("binance", "futures") + path) as socket:
        request = {"method": "SUBSCRIBE", "params": [f"btcusdt@{silent}", f"ethusdt@{flowing}"], "id": 1}
        assert await ask(socket, request) == {"result": None, "id": 1}
        await sim.trade("binance", "futures", "BTCUSDT")
        await sim.trade("binance", "futures", "ETHUSDT")
        message = await receive(socket)
        assert message.get("data", message)["s"] == "ETHUSDT"


@pytest.mark.parametrize(("kind", "text"), [("insurance", "INSURANCE_FUND"), ("adl", "ADL")])
async def test_special_futures_trades_are_marked(sim: Simulated, kind: str, text: str) -> None:
    async with client(sim.websocket("binance", "futures") + "/public/ws/btcusdt@trade") as socket:
        await sim.trade("binance", "futures", "BTCUSDT", kind=kind)
        assert (await receive(socket))["X"] == text


async def test_a_frame_that_is_no_trade_uses_up_an_id(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "futures") + "/public/ws/btcusdt@trade") as socket:
        await sim.trade("binance", "futures", "BTCUSDT")
        await sim.trade("binance", "futures", "BTCUSDT", kind="NA")
        await sim.trade("binance", "futures", "BTCUSDT")
        first, no_trade, last = [await receive(socket) for _ in range(3)]
    assert (no_trade["X"], no_trade["p"], no_trade["q"]) == ("NA", "0", "0")
    assert [no_trade["t"], last["t"]] == [first["t"] + 1, first["t"] + 2]


async def test_a_non_ascii_symbol_streams(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "futures") + "/public/stream") as socket:
        await ask(socket, {"method": "SUBSCRIBE", "params": ["币安人生usdt@trade"], "id": 1})
        await sim.trade("binance", "futures", "币安人生USDT")
        message = await receive(socket)
    assert (message["stream"], message["data"]["s"]) == ("币安人生usdt@trade", "币安人生USDT")


async def test_insurance_and_adl_fills_are_left_out_of_aggregates(sim: Simulated) -> None:
    async with client(sim.websocket("binance", "futures") + "/market/ws/btcusdt@aggTrade") as socket:
        await sim.trade("binance", "futures", "BTCUSDT", kind="insurance")
        await sim.trade("binance", "futures", "BTCUSDT", kind="adl")
        await sim.trade("binance", "futures", "BTCUSDT")
        fills = [row for row in await sim.records() if row["instrument"] == "BTCUSDT" and row["market"] == "futures"]
        normal = [row["id"] for row in fills if row["kind"] is None and "aggregate" not in row]
        assert (await receive(socket))["f"] == int(normal[-1])
