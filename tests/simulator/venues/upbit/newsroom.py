"""Publishes and edits Upbit's announcements as the control port orders, and tells of them on the socket (9.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulator.core.agenda import SECOND, moment, only
from tests.simulator.core.venue import compact
from tests.simulator.venues.upbit.announcements import LIST, Announcements
from tests.simulator.venues.upbit.notices import ORDERS, PAGE, Notice, body, kst
from tests.simulator.venues.upbit.titles import CATEGORIES, MARKETS, SUFFIXES, Coin, english, title

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market

Json = dict[str, Any]
CHANNEL = "announcement"
MINUTE = 60 * SECOND
"""In which a body tells when trading starts."""
LARGE_BODY = 10_000
"""Characters from which on a frame has no body."""
_SHORT = {
    "type": "ty",
    "event_type": "et",
    "uuid": "uid",
    "title": "tt",
    "category": "cat",
    "url": "url",
    "first_listed_at": "flat",
    "listed_at": "lat",
    "body": "bd",
    "timestamp": "tms",
    "stream_type": "st",
}
NEW = (
    "coins", "shape", "title", "category", "at", "in", "late", "socket_late", "edits", "every", "starts_in", "body",
    "pinned", "uuid", "malformed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """What a subscriber wants: the format of its frames, and whether they hold the body."""

    format: str
    with_body: bool


def frame(notice: Notice, event: str, form: Form, now: int) -> str:
    """The payload of one event; `now` in Unix ns. The title has its category in front and a space in 거래 지원."""
    korean, _ = CATEGORIES[notice.category]
    row: Json = {
        "type": CHANNEL,
        "event_type": event,
        "uuid": notice.uuid,
        "title": f"[{korean}] {notice.title.replace('거래지원', '거래 지원')}",
        "category": notice.category,
        "url": f"{PAGE}{notice.uuid}&view=share",
        "first_listed_at": kst(notice.first_listed),
        "listed_at": kst(notice.listed),
    }
    if form.with_body:
        row["body"] = notice.body.replace("\n", "\n\n") if len(notice.body) < LARGE_BODY else None
    row |= {"timestamp": now // 10**6, "stream_type": "REALTIME"}
    if form.format.startswith("SIMPLE"):
        row = {_SHORT[name]: value for name, value in row.items()}
    return compact([row] if form.format.endswith("LIST") else row)


class Newsroom:
    """Takes orders."""

    def __init__(self, hub: Hub, market: Market, announcements: Announcements) -> None:
        self._hub, self._market, self._announcements = hub, market, announcements
        self._published: list[Json] = []
        self.orders: dict[tuple[str, str], Callable[[Json], object]] = {
            ("POST", "/notice"): self.publish,
            ("POST", "/notice/edit"): self.edit,
            ("POST", "/notices"): self.sort,
            ("GET", "/notices"): lambda _: {"published": self._published},
        }

    def publish(self, order: Json) -> Json:
        """Publishes a notice now or later, and edits it as often as wanted; answers the truth, also to the ledger."""
        only(order, *NEW)
        now = self._hub.clock.ns()
        at, edits, every = moment(order, now), int(order.get("edits", 0)), _ns(order, "every", 1)
        late = order.get("late", 0)
        shown, told = (max(now, at + _ns(order, name, late)) for name in ("late", "socket_late"))
        coins, malformed = coins_of(order), int(order.get("malformed", 0))
        starts = (at + _ns(order, "starts_in", 0)) // MINUTE * MINUTE if "starts_in" in order else None
        notice = self._written(order, coins, at // SECOND, starts)
        edited = [shown + number * every for number in range(1, edits + 1)]
        for number, when in enumerate([shown, *edited]):
            version = _edited(notice, number, when // SECOND)
            tell = partial(
                self._tell, version, "UPDATED" if number else "CREATED", malformed=bool(malformed) and number == 0
            )
            self._hub.agenda.put(when, partial(self._announcements.board.put, version))
            self._hub.agenda.put(when - shown + told, tell)
        if malformed:
            self._hub.agenda.put(shown, partial(self._spoil, malformed))
        truth = {"id": notice.id, "uuid": notice.uuid, "title": notice.title, "category": notice.category}
        truth |= {"first_listed": notice.first_listed * SECOND, "shown": shown, "told": told, "edited": edited}
        return self._noted({**truth, "starts": starts, "coins": {coin.base: list(coin.markets) for coin in coins}})

    def _written(self, order: Json, coins: list[Coin], at: int, starts: int | None) -> Notice:
        category = order.get("category", "trade")
        if category not in CATEGORIES:
            raise ValueError(f"category must be one of {', '.join(CATEGORIES)}")
        worded, foreign = wording(order, coins)
        text = str(order.get("body", body(coins, None if starts is None else starts // SECOND)))
        number = self._announcements.board.reserve()
        pinned = order.get("pinned", False) is True
        return Notice(number, worded, category, at, at, text, str(order.get("uuid", number)), foreign, pinned)

    def edit(self, order: Json) -> Json:
        """Gives a published notice another title or body now."""
        only(order, "id", "coins", "shape", "title", "body")
        now = self._hub.clock.ns()
        coins = coins_of(order)
        fields: Json = {"body": str(order["body"])} if "body" in order else {}
        if coins or "title" in order:
            fields["title"], fields["english"] = wording(order, coins)
        notice = self._announcements.board.edit(int(order["id"]), now // SECOND, **fields)
        self._tell(notice, "UPDATED", malformed=False)
        listed = {coin.base: list(coin.markets) for coin in coins}
        return self._noted({"id": notice.id, "title": notice.title, "edited": [now], "coins": listed})

    def sort(self, order: Json) -> Json:
        """Puts the list into another order."""
        only(order, "order")
        if order.get("order") not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}")
        self._announcements.board.order = order["order"]
        return order

    def _noted(self, truth: Json) -> Json:
        self._published.append(truth)
        self._hub.ledger.write({"type": "notice", "exchange": "upbit", **truth})
        return truth

    def _spoil(self, count: int) -> None:
        """The next replies with the list are no JSON."""
        fault = {"fault": "rest_body", "exchange": "upbit", "mode": "not_json", "path": LIST, "count": count}
        self._hub.switchboard.put(fault)

    def _tell(self, notice: Notice, event: str, *, malformed: bool) -> None:
        now = self._hub.clock.ns()
        for form, sockets in self._market.routes.get((CHANNEL, notice.category), {}).items():
            assert isinstance(form, Form)
            payload = frame(notice, event, form, now)
            sent = self._market.wire.frame(payload[: len(payload) // 2] if malformed else payload)
            for socket in sockets:
                socket.queue(sent)


def _edited(notice: Notice, number: int, now: int) -> Notice:
    """The notice after so many edits, each of which puts another remark behind the title."""
    if not number:
        return notice
    return replace(notice, title=f"{notice.title} {SUFFIXES[(number - 1) % len(SUFFIXES)]}", listed=now)


def _ns(order: Mapping[str, Any], name: str, default: float) -> int:
    """Seconds of an order in ns, not below 0."""
    seconds = float(order.get(name, default))
    if not 0 <= seconds < 10**6:
        raise ValueError(f"`{name}` is a number of seconds")
    return int(seconds * SECOND)


def coins_of(order: Mapping[str, Any]) -> list[Coin]:
    """The coins that an order names, all markets unless it says which."""
    coins = []
    for each in order.get("coins", ()):
        only(each, "base", "name", "markets", "english")
        base = each["base"]
        markets = tuple(each.get("markets", MARKETS))
        if not markets or set(markets) - set(MARKETS):
            raise ValueError(f"markets are some of {', '.join(MARKETS)}")
        coins.append(Coin(base, each.get("name", f"{base}코인"), markets, each.get("english", base.title())))
    return coins


def wording(order: Mapping[str, Any], coins: Sequence[Coin]) -> tuple[str, str | None]:
    """The Korean title that an order gives or that its coins make, and the English one of coins.

    Coins with different markets take shape 3, others shape 2, unless the order says which.
    """
    if "title" in order:
        return str(order["title"]), english(coins) if coins else None
    if not coins:
        raise ValueError("a notice needs `coins` or a `title`")
    alike = len({coin.markets for coin in coins}) == 1
    shape = order.get("shape", 2 if alike else 3)
    if shape not in {1, 2, 3, 4, 5} or not (alike or shape == 3):
        raise ValueError("shape is 1 to 5; coins with different markets take shape 3")
    return title(coins, shape), english(coins)
