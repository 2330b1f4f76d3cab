"""docs/operations.md says what to do about every condition and every reason that a resource can show."""

import re
from pathlib import Path

from metdc_operator.conditions import conditions
from metdc_operator.observation import MarketSeen, Reason, Seen
from tests.unit.operator.examples import NOW, SECOND

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("\n## Conditions\n")[2].partition("\n## ")[0]


def test_every_condition_has_its_rows_in_the_order_of_the_status() -> None:
    kinds = [each["type"] for each in conditions(Seen([MarketSeen("spot")]), NOW, stale=SECOND)]

    assert re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE) == kinds


def test_every_reason_says_what_to_do() -> None:
    rows = [row.split(" | ") for row in SECTION.splitlines() if row.startswith("| ")]
    told = {reason for row in rows[2:] if row[2].strip(" |") for reason in re.findall(r"`(\w+)`", row[1])}

    assert {str(reason) for reason in Reason} - told == set()
