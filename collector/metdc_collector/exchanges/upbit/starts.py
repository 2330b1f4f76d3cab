"""The body of a notice → when trading of a coin starts, as far as it says so in a way that is known.

Nothing documents it; bots have met these, in HTML and in Markdown, in Korea's time (UTC+9)::

    거래지원 개시 시점 : 2026-08-10 14:00 KST              start of trading support
    변경된 거래지원 개시 시점 : 2026-08-10 17:00 KST        the changed one; 연기된: the postponed; 기존: the former
    디지털 자산          거래지원 개시 시점                 a table: a row a coin, and days without a year
    라이브피어(LPT)      5월 30일 17시 예정

What is said of a coin by its ticker goes before what is said of all, and a changed time before an unchanged one. Where
two times are left, none is taken: nobody guesses.
"""

import html
import re
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

_KOREA = timezone(timedelta(hours=9))
_SECOND = 1_000_000_000
_LABEL = re.compile(r"(?P<how>변경된|연기된|기존)?\s*거래\s?지원 개시 (?:시점|일시|시각)")
_ENDS = re.compile(r"</(?:tr|p|li|div|h[1-6])\s*>|<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,1000}>")
_TIME = re.compile(
    r"(?:(?P<year>20[0-9]{2})\s?(?:[-./]|년)\s?)?(?P<month>[0-9]{1,2})\s?(?:[-./]|월)\s?(?P<day>[0-9]{1,2})일?"
    r"(?:\s?\([월화수목금토일]\))?\s(?P<half>오전|오후)?\s?(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-9]{2})|시)",
    re.ASCII,
)
_MINUTE = re.compile(r"\s?([0-9]{1,2})분", re.ASCII)
# A notice precedes trading by hours, so one of December may name a day of January.
_LONGEST_AGO = 180 * 86_400
_MOST = 200_000


class _Said(NamedTuple):
    """One time that the body gives for a start of trading."""

    named: bool
    changed: bool
    time: int


def trade_start(body: str, ticker: str, others: Collection[str], announced: int) -> int | None:
    """Return when trading of a coin starts, ns since the epoch; null where the body doesn't say, or not clearly.

    ``others`` are the further coins of the notice, whose times are not this one's; ``announced`` is when the notice was
    published (ns), whose year a day without one has.
    """
    lines = _lines(body[:_MOST])
    table = any(_LABEL.search(line) and not _TIME.search(line) for line in lines)
    said: list[_Said] = []
    for line in lines:
        named = _names(line, ticker)
        if named or not any(_names(line, other) for other in others):
            said += _labelled(line, announced, named=named)
            if table and named and not _LABEL.search(line):
                said += [_Said(named, changed=False, time=time) for time in _only_time(line, announced)]
    if not said:
        return None
    best = max(one[:2] for one in said)
    times = {one.time for one in said if one[:2] == best}
    return times.pop() if len(times) == 1 else None


def _lines(body: str) -> list[str]:
    """The text, a paragraph or a row of a table a line."""
    text = html.unescape(_TAG.sub(" ", _ENDS.sub("\n", body)))
    return [" ".join(line.replace("|", " ").split()) for line in text.splitlines()]


def _names(line: str, ticker: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(ticker)}(?![A-Za-z0-9])", line) is not None


def _labelled(line: str, announced: int, *, named: bool) -> Iterator[_Said]:
    """Each time that follows a label before the next one, but for former times."""
    labels = list(_LABEL.finditer(line))
    for place, label in enumerate(labels, 1):
        end = labels[place].start() if place < len(labels) else len(line)
        found = _TIME.search(line, label.end(), end)
        if found is not None and label["how"] != "기존" and (time := _moment(found, announced)) is not None:
            yield _Said(named, changed=label["how"] is not None, time=time)


def _only_time(line: str, announced: int) -> list[int]:
    found = list(_TIME.finditer(line))
    times = [_moment(one, announced) for one in found]
    return [time for time in times if time is not None] if len(found) == 1 else []


def _moment(found: re.Match[str], announced: int) -> int | None:
    year = int(found["year"] or datetime.fromtimestamp(announced // _SECOND, _KOREA).year)
    hour = int(found["hour"]) + (12 if found["half"] == "오후" and int(found["hour"]) < 12 else 0)
    tail = _MINUTE.match(found.string, found.end())
    minute = int(found["minute"] or (tail[1] if tail else 0))
    try:
        day = datetime(year, int(found["month"]), int(found["day"]), tzinfo=_KOREA)
        if found["year"] is None and announced // _SECOND - int(day.timestamp()) > _LONGEST_AGO:
            day = day.replace(year=year + 1)
    except ValueError:
        return None
    if hour > 24 or minute > 59:
        return None
    return int((day + timedelta(hours=hour, minutes=minute)).timestamp()) * _SECOND
