"""A planted pump goes through the market's own trading: in its time, into ledger and history, beside all else."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.app import Options, Simulator
from tests.simulator.core.agenda import SECOND
from tests.simulator.core.hub import Hub
from tests.simulator.core.staging import Stage

START = 1_795_000_000 * SECOND + 123_456_789
TURN = 10_000_000
QUICK = {"peak_ms": 1000, "decline_ms": 1500, "end_ms": 4000}
WHOLE = 8.0
"""Seconds in which such a pump is over, and the coin trades again."""
MARKETS = ["binance.spot", "kucoin.futures", "phemex"]


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = START

    def ns(self) -> int:
        return self.at


class World:
    """A simulator without servers, driven turn by turn."""

    def __init__(self, ledger: Path, *, rate: float = 0.0, seed: int = 7) -> None:
        self.file, self._clock = ledger, Hands()
        self.hub: Hub = Simulator(Options(only=MARKETS, ledger=ledger, symbols=20, seed=seed, history=5)).hub
        self.hub.clock = self._clock
        self.hub.generator.start(self.hub.markets())
        self.hub.set_rate(rate)
        self.stage = Stage(self.hub)

    def close(self) -> None:
        self.hub.ledger.close()

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds * SECOND) // TURN):
            self._clock.at += TURN
            self.hub.turn()

    def trades(self, market: str, instrument: str) -> list[dict[str, Any]]:
        """Ledger lines of an instrument from the start on."""
        self.hub.ledger.flush()
        rows = [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]
        wanted = ("trade", *market.split("."), instrument)
        found = [row for row in rows if (row["type"], row.get("exchange"), row.get("market")) == wanted[:3]]
        return [row for row in found if row["instrument"] == instrument and not row["snapshot_only"]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(World(tmp_path / "ledger.jsonl", rate=300.0)) as made:
        yield made


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Where nothing is ever planted."""
    with closing(World(tmp_path_factory.mktemp("resting") / "ledger.jsonl")) as made:
        yield made


def pump(world: World, **order: Any) -> dict[str, Any]:
    markets = {"binance.spot": {"delay_ms": 250}, "kucoin.futures": {"delay_ms": 100}, "phemex.spot": {"delay_ms": 400}}
    return world.stage.plant({"base": "SUI", "in": 3, "markets": markets, **QUICK, **order})


def fills(world: World, truth: dict[str, Any], market: str) -> list[dict[str, Any]]:
    """The fills of the pump; an aggregate tells them once more."""
    told = truth["markets"][market]
    rows = world.trades(market, told["instrument"])
    since = truth["planted"] // 10**6 * 10**6
    return [row for row in rows if "aggregate" not in row and since <= row["time"] <= told["end"]]


@pytest.mark.parametrize("market", ["binance.spot", "kucoin.futures", "phemex.spot"])
def test_the_ledger_holds_what_the_answer_says(world: World, market: str) -> None:
    truth = pump(world)
    world.run(WHOLE)
    told, rows = truth["markets"][market], fills(world, truth, market)
    assert len(rows) == told["fills"]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    found = {(row["time"], row["price"]) for row in rows}
    assert {(told[mark]["time"], told[mark]["price"]) for mark in ("first_move", "peak", "trough")} <= found
    assert float(told["peak"]["price"]) == max(float(row["price"]) for row in rows)
    quiet = [float(row["price"]) for row in rows if row["time"] < told["first_move"]["time"]]
    assert quiet == pytest.approx([float(told["reference"])] * len(quiet), rel=0.001)


def test_the_answer_says_who_moves_first_and_when(world: World) -> None:
    truth = pump(world)
    assert truth["ranking"] == [["kucoin.futures"], ["binance.spot"], ["phemex.spot"]]
    assert [row["price_scale"] for row in truth["markets"].values()] == [None, None, 8]
    assert truth["announced"] == (START + 3 * SECOND) // SECOND * SECOND
    assert truth["markets"]["kucoin.futures"]["first_move"]["time"] == truth["announced"] + 100_000_000


def test_equal_delays_are_a_tie_and_a_leak_has_no_rank(world: World) -> None:
    markets = {
        "binance.spot": {"delay_ms": 100},
        "phemex.spot": {"delay_ms": 100},
        "phemex.futures": {"delay_ms": -900},
    }
    truth = pump(world, markets=markets)
    assert truth["ranking"] == [["binance.spot", "phemex.spot"]]
    assert [row["before_announcement"] for row in truth["markets"].values()] == [False, False, True]


def test_others_trade_on_and_the_coin_itself_by_plan_alone_until_the_end(world: World) -> None:
    truth = pump(world)
    world.run(WHOLE)
    assert len(world.trades("binance.spot", "BTCUSDT")) > 20
    rows = [row for row in world.trades("binance.spot", "SUIUSDT") if "aggregate" not in row]
    after = [row for row in rows if row["time"] > truth["markets"]["binance.spot"]["end"]]
    assert after
    plan = next(mark for mark in world.hub.mark() if (mark["exchange"], mark["market"]) == ("binance", "spot"))
    assert plan["planned"] == plan["sent"]


def test_a_skewed_clock_moves_the_times_of_its_venue_alone(world: World) -> None:
    truth = pump(world, skew_ms={"kucoin": 300})
    world.run(WHOLE)
    kucoin, binance = truth["markets"]["kucoin.futures"], truth["markets"]["binance.spot"]
    assert (kucoin["skew_ms"], binance["skew_ms"]) == (300, 0)
    assert kucoin["first_move"]["time"] == truth["announced"] + 400_000_000
    rows = world.trades("kucoin.futures", kucoin["instrument"])
    assert (kucoin["first_move"]["time"], kucoin["first_move"]["price"]) in {
        (row["time"], row["price"]) for row in rows
    }


def test_a_bad_print_is_one_line_and_the_price_is_as_before(world: World) -> None:
    truth = pump(world, bad_prints=[{"at_ms": -2500, "factor": "1.4"}])
    world.run(WHOLE)
    (stray,) = truth["markets"]["binance.spot"]["bad_prints"]
    rows = fills(world, truth, "binance.spot")
    (at,) = [
        number for number, row in enumerate(rows) if (row["time"], row["price"]) == (stray["time"], stray["price"])
    ]
    assert float(rows[at]["price"]) > 1.3 * float(rows[at - 1]["price"])
    assert float(rows[at + 1]["price"]) == pytest.approx(float(rows[at - 1]["price"]), rel=0.002)


def test_a_thin_market_trades_hardly_ever(world: World) -> None:
    truth = pump(world, thin=True)
    world.run(WHOLE)
    assert len(fills(world, truth, "binance.spot")) == 5


def test_the_same_seed_and_order_plant_the_same_fills(tmp_path: Path) -> None:
    def planted(name: str, seed: int) -> list[tuple[str, str, str, int]]:
        with closing(World(tmp_path / name, seed=seed)) as world:
            truth = pump(world)
            world.run(WHOLE)
            rows = fills(world, truth, "kucoin.futures")
        return [(row["price"], row["size"], row["side"], row["time"]) for row in rows]

    assert planted("one", 7) == planted("two", 7)
    assert planted("one", 7) != planted("three", 8)


def test_the_truth_is_a_line_of_the_ledger(world: World) -> None:
    truth = pump(world)
    world.hub.ledger.flush()
    lines = [json.loads(line) for line in world.file.read_text("utf-8").splitlines()]
    assert [line for line in lines if line["type"] == "pump"] == [{"type": "pump", **truth}]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"markets": {}}, "names no market"),
        ({"markets": {"binance.spot": 3}}, "its course is an object"),
        ({"markets": {"binance": {"delay_ms": 1}}}, "binance. is not simulated"),
        ({"markets": {"okx.spot": {"delay_ms": 1}}}, "okx.spot is not simulated"),
        ({"base": "NOPE"}, "binance.spot has no NOPE that trades"),
        ({"markets": {"binance.spot": {"delay_ms": 1, "instrument": "NOPE"}}}, "has no NOPE"),
        ({"skew_ms": {"okx": 300}}, "whose clock is to be skewed"),
        ({"skew_ms": {"kucoin": "much"}}, "`kucoin` is a whole number"),
        ({"in": -1}, "too late"),
        ({"rise": "0.01"}, "SUIUSDT: 0 < jump < rise"),
        ({"colour": "red"}, "unknown: colour"),
    ],
)
def test_an_order_is_refused_as_a_whole_and_in_words(resting: World, order: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, KeyError), match=words):
        pump(resting, **order)
    assert not any(plan.script for plan in resting.hub.generator.plans.values())
    assert resting.hub.switchboard.as_json() == []


def test_a_coin_is_not_pumped_twice_at_a_time(world: World) -> None:
    pump(world)
    with pytest.raises(ValueError, match="what was planted before has not ended"):
        pump(world)
    world.run(WHOLE)
    assert pump(world)["pump"] == 2


def test_another_instrument_of_the_coin_can_be_named(world: World) -> None:
    name = next(
        pair.name
        for pair in world.hub.market("binance", "spot").instruments.values()
        if pair.base == "SUI" and pair.open and pair.name != "SUIUSDT"
    )
    truth = pump(world, markets={"binance.spot": {"delay_ms": 10, "instrument": name}})
    assert truth["markets"]["binance.spot"]["instrument"] == name
