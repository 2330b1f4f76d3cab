"""How often a lasting fault struck a market, by the simulator's word."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.chaos.faults import hits
from tests.chaos.scene import Case, Pod, Scene
from tests.chaos.table import BYBIT_FUTURES, BYBIT_SPOT, KUCOIN_FUTURES
from tests.integration.rig import Market

CONFIG = {"market": "spot", "pod": "pod-a", "spec": {"exchange": "bybit"}}


def fault(name: str, market: Market, count: int) -> dict[str, Any]:
    return {"fault": name, "exchange": market.exchange, "market": market.name, "hits": count}


@pytest.mark.parametrize(
    ("name", "market", "on", "expected"),
    [
        ("omit", BYBIT_SPOT, [fault("omit", BYBIT_SPOT, 3), fault("omit", BYBIT_FUTURES, 4)], 3),
        ("omit", BYBIT_FUTURES, [fault("omit", BYBIT_SPOT, 3), fault("omit", BYBIT_FUTURES, 0)], 0),
        ("omit", BYBIT_SPOT, [fault("rest_lag", BYBIT_SPOT, 3)], 0),
        ("delay", BYBIT_FUTURES, [fault("delay", BYBIT_SPOT, 3), fault("delay", BYBIT_FUTURES, 0)], 3),
        ("delay", KUCOIN_FUTURES, [fault("delay", Market("kucoin", "spot", ""), 3)], 0),
        ("delay", BYBIT_SPOT, [], 0),
    ],
    ids=["its own", "not another market's", "not another fault's", "the port's", "not another port's", "none is on"],
)
def test_hits_are_those_of_the_market_or_of_its_port(
    tmp_path: Path, name: str, market: Market, on: list[dict[str, Any]], expected: int
) -> None:
    scene = cast(Scene, SimpleNamespace(simulated=SimpleNamespace(order_get=lambda _: {"faults": on})))
    assert hits(scene, Case(name, market, Pod(tmp_path, CONFIG)), name) == expected
