"""Frames that can't be parsed: counted, sampled into the log, and searched for the instruments that they name."""

import time

import pytest
from websockets.asyncio.server import ServerConnection

from metdc_collector.session.feed import named
from tests.unit.collector.session.test_connection import connected, trade

NAMES = {"BTC-USDT", "BTC_USDT", "BTCUSDT", "sBTCUSDT", "KRW-BTC", "币安人生USDT", "1INCHUSDT"}


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (b'{"topic":"/market/match:BTC-USDT","data":', ["BTC-USDT"]),
        (b'{"topic":"publicTrade.1INCHUSDT","data":[{"s":"BTCUSDT"', ["1INCHUSDT", "BTCUSDT"]),
        (b'{"channel":"spot.trades","result":{"currency_pair":"BTC_USDT"}', ["BTC_USDT"]),
        ('{"s":"币安人生USDT"'.encode(), ["币安人生USDT"]),
        (b'\xff\xfe{"code":"KRW-BTC"\x00', ["KRW-BTC"]),
        (b'{"symbol":"sBTCUSDTX"}', []),
        (b"", []),
        (b" " * 64 * 1024 + b'"BTCUSDT"', []),
    ],
)
def test_names_are_whole_words_of_what_is_subscribed_to(frame: bytes, found: list[str]) -> None:
    assert named(frame, NAMES) == found


async def test_a_malformed_frame_is_counted_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    async def venue(socket: ServerConnection) -> None:
        for _ in range(3):
            await socket.send("{")
        await socket.send(trade(5))
        await socket.wait_closed()

    async with connected(venue) as rig:
        assert await rig.received(1) == ["5"]
        assert rig.counts.malformed == 3
    samples = [text for text in caplog.messages if text.startswith("malformed frame")]
    assert [text.split(":")[0] for text in samples] == ["malformed frame no. 1", "malformed frame no. 2"]


async def test_the_instruments_that_a_malformed_frame_names_are_told_and_since_when_it_can_have_come() -> None:
    started = time.time_ns()

    async def venue(socket: ServerConnection) -> None:
        await socket.send(trade(5))
        await socket.send('{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","x":"ETHUSDTX", "p":NaN')
        await socket.send("\\")
        await socket.send(trade(6))
        await socket.wait_closed()

    async with connected(venue) as rig:
        assert await rig.received(2) == ["5", "6"]
        assert [names for names, _ in rig.gate.doubted] == [["BTCUSDT"], []]
        assert started <= rig.gate.doubted[0][1] <= time.time_ns()
