"""What docs/operator.md says of names is true of the code."""

import re
from pathlib import Path

from metdc_operator.conditions import conditions
from metdc_operator.observation import MarketSeen, Reason, Seen
from metdc_operator.options import _parser
from tests.unit.operator.examples import NOW, SECOND

PAGE = (Path(__file__).resolve().parents[3] / "docs/operator.md").read_text(encoding="utf-8")


def test_every_condition_and_reason_is_explained() -> None:
    kinds = [each["type"] for each in conditions(Seen([MarketSeen("spot")]), NOW, stale=SECOND)]

    assert [kind for kind in kinds if f"| `{kind}` |" not in PAGE] == []
    assert [str(reason) for reason in Reason if f"`{reason}`" not in PAGE] == []


def test_every_flag_is_explained_with_its_variable() -> None:
    actions = [action for action in _parser({})._actions if action.dest != "help"]
    rows = {row.split(" ")[1].strip("`"): row for row in PAGE.splitlines() if row.startswith("| `--")}

    assert set(rows) == {action.option_strings[0] for action in actions}
    for action in actions:
        variable = re.search(r"\[(METDC_\w+)\]", action.help or "")
        assert variable is not None
        assert f"`{variable[1]}`" in rows[action.option_strings[0]]
