"""Upbit's announcements as rows and pages: what was published before, what is published and edited now (reference 9.4).

Pure: times are Unix seconds that the caller gives.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.simulator.venues.names import COINS
from tests.simulator.venues.upbit.titles import CATEGORIES, LISTINGS, OTHERS, Coin, Titled, english, title

PAST = 4460
"""Notices before the simulator's start."""
NEWEST = 6635
"""Id of the newest of them, that of October 2026."""
RECENT = 86400
"""Seconds for which a notice counts as new, and an edit as fresh."""
PER_PAGE, MOST_PER_PAGE = 20, 100
ORDERS = ("listed_at", "id", "shuffled")
KST = timezone(timedelta(hours=9))
PAGE = "https://www.upbit.com/service_center/notice?id="


@dataclass(frozen=True, slots=True)
class Notice:
    """One announcement as it stands."""

    id: int
    title: str
    category: str
    first_listed: int
    listed: int
    body: str
    """Lines of text."""
    uuid: str
    """Its id on the WebSocket."""
    english: str | None = None
    pinned: bool = False


def kst(at: int) -> str:
    """A time as the rows have it, with Korea's offset."""
    return datetime.fromtimestamp(at, KST).isoformat()


def body(coins: list[Coin], starts: int | None) -> str:
    """The text of a listing; when trading starts only if that is said."""
    lines = ["안녕하세요. 가장 신뢰받는 디지털 자산 거래소 업비트입니다.", "업비트에 디지털 자산이 추가됩니다."]
    lines += [f"{coin.name}({coin.base}) : {', '.join(coin.markets)} 마켓" for coin in coins]
    if starts is not None:
        at = datetime.fromtimestamp(starts, UTC).astimezone(KST)
        lines.append(f"거래지원 개시 시점 : {at:%Y-%m-%d %H:%M} KST 예정")
    return "\n".join([*lines, "입출금은 공지 게시 후 2시간 이내에 지원됩니다."])


class Board:
    """All announcements."""

    def __init__(self, seed: int, now: int) -> None:
        self._seed, self._rng = seed, random.Random(f"{seed}:upbit.notices")
        self.order = ORDERS[0]
        self._notices = {notice.id: notice for notice in self._past(now)}
        self._number = NEWEST

    def _past(self, now: int) -> list[Notice]:
        """Newest first: the stock's titles once each, mixed, then further ones; minutes to hours apart."""
        rng, at = self._rng, now - RECENT // 2
        stock = [titled for titled in (*LISTINGS, *OTHERS) if titled.title != titled.english]
        rng.shuffle(stock)
        rows = []
        for number in range(NEWEST, NEWEST - PAST, -1):
            place = NEWEST - number
            of = stock[place] if place < len(stock) else self._further(stock)
            rows.append(Notice(number, of.title, of.category, at, at, of.title, str(number), of.english))
            at -= rng.randrange(600, 6 * 3600)
        return rows

    def _further(self, stock: list[Titled]) -> Titled:
        if self._rng.random() < 0.8:
            return self._rng.choice(stock)
        base = self._rng.choice(COINS)
        coin = Coin(base, base.title(), ("KRW", "BTC", "USDT")[: self._rng.randrange(1, 4)], base.title())
        return Titled(title([coin], self._rng.randrange(1, 5)), english=english([coin]))

    # Publishing

    def reserve(self) -> int:
        """The id of a notice to be published; ids rise, now and then by more than one."""
        self._number += self._rng.choice((1, 1, 1, 2, 3))
        return self._number

    def put(self, notice: Notice) -> None:
        """Publishes a notice, or replaces it by an edited one."""
        self._notices[notice.id] = notice

    def edit(self, number: int, now: int, **fields: Any) -> Notice:
        """Changes a notice, which moves `listed_at`; KeyError when there is none of that id."""
        if number not in self._notices:
            raise KeyError(f"no notice {number} is published")
        edited = self._notices[number] = replace(self._notices[number], listed=now, **fields)
        return edited

    # Reading

    def find(self, number: int, *, korean: bool) -> Notice | None:
        """One notice, if the language has it."""
        notice = self._notices.get(number)
        return notice if notice is not None and (korean or notice.english is not None) else None

    def page(self, number: int, size: int, category: str, *, korean: bool, now: int) -> dict[str, Any]:
        """The `data` of a list reply; pinned notices are on every page, and not among the others."""
        rows = [one for one in self._notices.values() if category in {"all", one.category}]
        if not korean:
            rows = [one for one in rows if one.english is not None]
        usual = self._ordered([one for one in rows if not one.pinned])
        pinned = self._ordered([one for one in rows if one.pinned])
        return {
            "total_pages": -(-len(usual) // size),
            "total_count": len(usual),
            "notices": [self.row(one, korean=korean, now=now) for one in usual[(number - 1) * size : number * size]],
            "fixed_notices": [self.row(one, korean=korean, now=now) for one in pinned],
        }

    def _ordered(self, rows: list[Notice]) -> list[Notice]:
        """Newest first, by the last edit or by id, or the newest of a first page in no order at all."""
        if self.order == "id":
            return sorted(rows, key=lambda one: -one.id)
        ordered = sorted(rows, key=lambda one: (-one.listed, -one.id))
        if self.order == "shuffled":
            first = ordered[:PER_PAGE]
            first.sort(key=lambda one: random.Random(f"{self._seed}:{one.id}").random())
            ordered[:PER_PAGE] = first
        return ordered

    @staticmethod
    def row(notice: Notice, *, korean: bool, now: int) -> dict[str, Any]:
        """A notice as the list has it."""
        return {
            "listed_at": kst(notice.listed),
            "first_listed_at": kst(notice.first_listed),
            "id": notice.id,
            "title": notice.title if korean else notice.english,
            "category": CATEGORIES[notice.category][0 if korean else 1],
            "need_new_badge": now - notice.first_listed < RECENT,
            "need_update_badge": notice.listed != notice.first_listed and now - notice.listed < RECENT,
        }
