"""What has turned between two statuses of a capture, as events for people. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from metdc_operator.notices import Notice
from metdc_operator.status import turned

_SILENT = frozenset({"Starting", "Waiting", "Reading"})
_LONGEST = 1000


def news(previous: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Notice]:
    """Yield what is to be told: that it is captured, final, has failed, or is kept from going on."""
    names = turned(previous, current)
    for each in current["conditions"]:
        if each["type"] not in names or each["reason"] in _SILENT or each["status"] == "Unknown":
            continue
        good = each["status"] == "True" or each["reason"] == "Provisional"
        yield Notice(not good, each["reason"], f"{each['type']} is {each['status']}: {each['message']}"[:_LONGEST])
