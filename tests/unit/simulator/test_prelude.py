"""What was traded before the start: made at the first use of an instrument, and older than the start all the same."""

from contextlib import closing
from pathlib import Path

from tests.simulator.app import Options, Simulator
from tests.simulator.core.agenda import SECOND


class Ahead:
    """A clock of a later hour."""

    def __init__(self, at: int) -> None:
        self.at = at

    def ns(self) -> int:
        return self.at


def test_an_instrument_that_is_first_used_late_has_traded_before_the_start_alone(tmp_path: Path) -> None:
    hub = Simulator(Options(only=["gate"], ledger=tmp_path / "ledger.jsonl", symbols=5)).hub
    with closing(hub.ledger):
        started = hub.clock.ns()
        hub.clock = Ahead(started + 1_000 * SECOND)
        hub.generator.start(hub.markets())
        market = hub.market("gate", "spot")
        rows = [
            row for one in market.instruments.values() if one.open for row in market.over_rest(one, market.wire.channel)
        ]
    assert rows
    assert max(row.time for row in rows) < started
