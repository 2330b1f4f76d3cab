"""A coin that Upbit announces: from the notice to the files that a reader fetches."""

from collections import Counter
from typing import Any

from tests.cluster.kube import Json
from tests.cluster.listing import SECOND, WATCHER, Captures, announced, first_mover, pumped, read
from tests.e2e.scene import Scene
from tests.harness import folder

COIN, KOREAN = "WOO", "우네트워크"
"""It trades on nine markets of the sample, and has no pair in KRW yet."""
DELAYS = {"okx.spot": 700, "binance.futures": 1_300, "gate.spot": 1_900, "bybit.futures": 2_500}
"""When it moves on those that are pumped, in ms after the announcement."""
SOON = 5.0
"""Seconds after its window within which the report has to be there."""
AHEAD = 12.0
"""Seconds until the announcement: not so many as the window has before it, so that all that is planted lies in it."""


def listed(scene: Scene) -> Json:
    """Have the coin announced, once the watcher watches, and its price jump thereafter; return what is planted."""
    scene.where.rolled_out(WATCHER)
    exchanges = scene.sample.exchanges
    planted = pumped(exchanges, COIN, DELAYS, ahead=AHEAD)
    announced(exchanges, COIN, KOREAN, planted["announced"])
    return planted


def captured(scene: Scene, planted: Json) -> dict[str, Any]:
    """Whether the watcher has ordered the capture, and what a reader fetches of it is what was planted."""
    captures = Captures(scene.where, scene.sample.exchanges)
    name = captures.ordered_by_watcher(COIN, planted["announced"])
    status = captures.until(name, "completeness", "Final")
    with folder("metdc-capture-") as temporary:
        files = captures.fetched(status["result"]["folder"], temporary)
        assert "<svg" in (files / "report.html").read_text(encoding="utf-8"), "the report has no picture"
        differs = captures.differs(files, COIN)
        assert not differs, f"the captured window is not the exchanges': {'; '.join(differs[:3])}"
        return figures(read(files, "metadata.json"), read(files, "analysis.json"), planted)


def figures(metadata: Json, analysis: Json, planted: Json) -> dict[str, Any]:
    """Return how many trades were captured, who moved first, and when the report was there.

    Raises:
        AssertionError: something of what is planted is missing, may be, or is told otherwise.
    """
    trades: Counter[str] = Counter()
    for each in metadata["markets"]:
        market = f"{each['exchange']}.{each['market']}"
        trades[market] += each["trades"]
        assert not each["lacks"], f"{market} may lack trades: {'; '.join(lack['text'] for lack in each['lacks'])}"
    for market, row in planted["markets"].items():
        assert trades[market] >= row["fills"], f"{trades[market]} of {row['fills']} planted trades of {market}"
    listing = metadata["listing"] or {}
    assert listing.get("announced") == planted["announced"], f"it tells of the listing {listing}"
    seconds = (metadata["made"] - metadata["to"]) / SECOND
    assert seconds < SOON, f"the report was there {seconds:.1f} s after the window"
    return {"trades": trades.total(), "first_mover": first_mover(analysis, planted), "report_s": round(seconds, 1)}
