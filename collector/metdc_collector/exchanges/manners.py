"""What a venue says over HTTP about its limits, read from its replies. Pure: header names are lower case."""

import re
from collections.abc import Mapping

Headers = Mapping[str, str]
"""Of one reply; names in lower case."""

# Five digits are more than a day; a ban that lasts longer is asked about again before its end.
_WHOLE = re.compile(r"[0-9]{1,5}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,12}", re.ASCII)
# Binance's shortest; the others are not known to ban for longer at first.
BAN = 120.0
"""Seconds that an address which was banned (418) keeps still, where nobody says how long."""


def whole(text: str | None, pattern: re.Pattern[str] = _COUNT) -> int | None:
    """Return a header's non-negative whole number, null where it is none."""
    found = None if text is None else pattern.fullmatch(text.strip())
    return None if found is None else int(found[0])


def retry_after(headers: Headers, name: str = "retry-after") -> float | None:
    """Return the seconds that a header asks to wait, null where it names no number of seconds."""
    seconds = whole(headers.get(name), _WHOLE)
    return None if seconds is None else float(seconds)  # no amount: a time


def stop(status: int, told: float | None, span: float) -> float | None:
    """Return for how many seconds a status orders to stop, null where it doesn't.

    429 (the limit) and 418 (the ban that follows) order it; for as long as ``told``, else for the limit's ``span``
    or for :data:`BAN`.
    """
    if status not in (418, 429):
        return None
    if told is not None:
        return told
    return BAN if status == 418 else span
