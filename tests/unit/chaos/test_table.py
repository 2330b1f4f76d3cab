"""The table of faults: nothing that the simulator knows is left out, and what is asked for is what is played."""

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.scenes import SCENES
from tests.chaos.table import ALL, COUNTED, FEW, LONG, SHORT, TABLE, Row, Schedule, chosen
from tests.integration.rig import BINANCE_SPOT
from tests.simulator.app import VENUES, Options, Simulator
from tests.simulator.core.fault_actions import ACTIONS, LASTING

NOTHING: frozenset[str] = frozenset()
DIFFERENCES = frozenset(
    {
        *("skip_ids", "shift_time", "old_trades", "accept_unknown", "deaf", "own_code", "rest_digit", "no_headers"),
    }
)
"""A venue that is not what its documents say: whatever these break, ``metdc verify`` tells, and nobody makes up for."""


@pytest.mark.parametrize("schedule", sorted(TABLE))
def test_each_row_names_a_fault_that_can_be_played(schedule: Schedule) -> None:
    names = [row.fault for row in TABLE[schedule]]
    assert len(names) == len(set(names))
    assert set(names) <= FAULTS.keys() | SCENES.keys()
    assert all(len(row.markets) == len(set(row.markets)) > 0 for row in TABLE[schedule])


def test_a_fault_shares_a_scene_or_has_its_own() -> None:
    assert not FAULTS.keys() & SCENES.keys()
    played = {row.fault for schedule in TABLE for row in TABLE[schedule]}
    assert played == FAULTS.keys() | SCENES.keys()


def test_the_long_schedule_has_every_fault_of_the_simulator_against_every_market() -> None:
    everywhere = [row.fault for row in LONG if row.markets == ALL]
    elsewhere = {"duplicate_trades"}
    """On Phemex, which has no ids, a frame that comes twice is twice as many trades."""
    for name in (LASTING.keys() | ACTIONS.keys()) - elsewhere - DIFFERENCES:
        assert any(fault.startswith(name) for fault in everywhere), name
    assert {row.fault for row in LONG} >= elsewhere


@pytest.mark.asyncio
async def test_all_markets_are_those_that_the_simulator_has() -> None:
    simulator = Simulator(Options(only=tuple(VENUES)))
    assert {market.key for market in ALL} == {market.key for market in simulator.hub.markets()}
    for market in ALL:
        assert market.instrument in simulator.hub.market(market.exchange, market.name).instruments
    simulator.hub.ledger.close()


def test_the_short_schedule_shares_one_scene_and_has_both_kinds_of_ids() -> None:
    assert {row.fault for row in SHORT} <= FAULTS.keys()
    assert {market for row in SHORT for market in row.markets} == set(FEW)
    assert any(market.key in COUNTED for market in FEW)
    assert any(market.key not in COUNTED for market in FEW)


def test_rows_are_chosen_by_fault_and_venue() -> None:
    assert chosen("short", only=NOTHING, venues=NOTHING) == list(SHORT)
    rows = chosen("short", only=frozenset({"reset"}), venues=frozenset({"binance"}))
    assert rows == [Row("reset", (BINANCE_SPOT,))]
    rows = chosen("long", only=NOTHING, venues=frozenset({"binance.spot"}))
    assert {market for row in rows for market in row.markets} == {BINANCE_SPOT}


@pytest.mark.parametrize(
    ("only", "venues", "problem"),
    [
        ({"rest"}, set(), "no such fault in short: rest; known: planned_end, "),
        (set(), {"okx"}, "no such venue in short: okx"),
    ],
)
def test_a_name_that_is_not_in_the_table_is_told(only: set[str], venues: set[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        chosen("short", only=frozenset(only), venues=frozenset(venues))
