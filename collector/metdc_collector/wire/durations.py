"""Durations as people write them in a resource: ``30m``, ``90s``, ``1h30m``; here in integer ns.

The text is what ``^([0-9]+(s|m|h))+$`` matches; its parts are added up, so ``30m1h`` is ``90m``.
"""

import re

SECOND = 1_000_000_000
_PARTS = re.compile(r"([0-9]+)(s|m|h)", re.ASCII)
_WHOLE = re.compile(r"(?:[0-9]+(?:s|m|h))+", re.ASCII)
_UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_LONGEST = 16


def parse(text: str) -> int:
    """Return the duration in ns.

    Raises:
        ValueError: when the text is no duration, or is longer than the resource's schema allows.
    """
    if len(text) > _LONGEST or not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is no duration: write whole numbers with a unit, such as 90s, 30m or 1h30m")
    return sum(int(count) * _UNITS[unit] for count, unit in _PARTS.findall(text))


def render(duration: int) -> str:
    """Return the shortest text of a duration in ns, whole seconds at least: ``1h30m``.

    Raises:
        ValueError: when it is negative or not a number of whole seconds.
    """
    seconds, rest = divmod(duration, SECOND)
    if rest or seconds < 0:
        raise ValueError(f"{duration} ns is not a number of whole seconds")
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    return "".join(f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if count) or "0s"
