import json
from typing import Any

import pytest

from tests.audit.judge import Verdict
from tests.audit.stream import Stored
from tests.audit.unaided import Witness

T = 1790001515463000000


def message(number: str, *, market: str = "spot", time: int = T, sequence: int = 1, **changes: Any) -> Stored:
    fields = {"v": 1, "exchange": "binance", "market": market, "symbol": "BTC-USDT", "instrument": "BTCUSDT"}
    fields |= {"id": number, "seq": number, "price": "1.5", "quantity": "2", "side": "buy", "time": time, "received": T}
    return Stored(
        stream="TRADES_BINANCE",
        sequence=sequence,
        at=T + 5,
        subject=f"trades.binance.{market}.BTC.USDT",
        message_id=f"binance.{market}.BTCUSDT.{number}",
        data=json.dumps(fields | changes).encode(),
    )


def judged(*messages: Stored) -> Verdict:
    witness = Witness()
    for entry in messages:
        witness.take(entry)
    return witness.verdict()


def test_consecutive_ids_in_order_hold() -> None:
    verdict = judged(message("7"), message("8"), message("9"))
    assert verdict.ok
    assert not verdict.empty
    assert verdict.tallies["binance.spot"].sent == 3


def test_a_missing_id_is_lost_where_each_id_is_a_trade() -> None:
    verdict = judged(message("7"), message("10"))
    assert verdict.tallies["binance.spot"].lost == 2
    assert verdict.examples[0]["ids"] == [8, 9]


def test_a_missing_id_proves_nothing_where_frames_that_are_no_trade_use_some_up() -> None:
    assert judged(message("7", market="futures"), message("10", market="futures")).ok


def test_an_id_stored_twice_is_a_duplicate() -> None:
    assert judged(message("7"), message("7")).tallies["binance.spot"].duplicated == 1


def test_an_older_id_after_a_newer_one_is_misordered_unless_it_says_late() -> None:
    assert judged(message("8"), message("7")).tallies["binance.spot"].misordered == 1
    assert judged(message("8"), message("7", late=True)).ok


def test_without_a_number_for_an_id_time_tells_the_order() -> None:
    later, earlier = message(f"{T + 1}-B-1-1-0", time=T + 1), message(f"{T}-B-1-1-0")
    assert judged(earlier, later).ok
    assert judged(later, earlier).tallies["binance.spot"].misordered == 1


def test_numbers_that_do_not_order_leave_the_order_to_time() -> None:
    first, second = message("8", seq=None), message("7", seq=None)
    assert judged(first, second).ok
    earlier = message("9", seq=None, time=T - 1)
    assert judged(first, earlier).tallies["binance.spot"].misordered == 1


def test_an_aggregate_covers_the_ids_of_its_fills() -> None:
    joined = message("agg:5", aggregate={"first_id": "8", "last_id": "9"})
    assert judged(message("7"), joined, message("10")).ok


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "BTC-USDC"},
        {"price": "1.50"},
        {"quantity": "0"},
        {"side": "BUY"},
        {"id": "9"},
        {"v": 2},
        {"time": 1.5},
    ],
)
def test_a_message_that_disagrees_with_itself_is_wrong(change: dict[str, Any]) -> None:
    assert judged(message("7", **change)).tallies["binance.spot"].wrong == 1


def test_nothing_stored_proves_nothing() -> None:
    assert judged().empty
