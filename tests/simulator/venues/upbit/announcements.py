"""Upbit's announcements over HTTP: pages, details, conditional requests, pace (reference 9.4)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.simulator.core.agenda import SECOND
from tests.simulator.core.limits import Window
from tests.simulator.core.venue import HttpReply, HttpRequest, compact
from tests.simulator.venues.upbit.notices import MOST_PER_PAGE, PER_PAGE, Board
from tests.simulator.venues.upbit.titles import CATEGORIES

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub

LIST = "/api/v1/announcements"
PACE, PACE_SECONDS = 10, 60.0
"""Requests of an address that pass in a time: about one in 6 s, as users report."""


class Unfit(Exception):
    """A request that can't be answered; arguments: HTTP status, text."""


class Announcements:
    """The web's list, which is no part of the API: other limits, other errors."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._board: Board | None = None
        self._pace: dict[str, Window] = {}

    @property
    def board(self) -> Board:
        """All notices; what lies before the start is made at the first use."""
        if self._board is None:
            self._board = Board(self._hub.seed, self._hub.clock.ns() // SECOND)
        return self._board

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any request below the list's path."""
        window = self._pace.setdefault(request.address, Window(PACE, PACE_SECONDS / self._hub.divide_timers))
        if not window.admit(request.now):
            self._hub.violations.note("upbit announcements", request.address)
            return HttpReply(429, b"error code: 1015", {"Content-Type": "text/plain; charset=UTF-8"})
        try:
            data = self._data(request)
        except Unfit as unfit:
            status, text = unfit.args
            return HttpReply.json({"success": False, "error": {"name": status, "message": text}}, status)
        body = compact({"success": True, "data": data}).encode()
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        if _matches(request.headers.get("if-none-match", ""), tag):
            return HttpReply(304, b"", {"ETag": tag})
        return HttpReply(200, body, {"ETag": tag}, listing=request.path == LIST)

    def _data(self, request: HttpRequest) -> dict[str, Any]:
        if request.method != "GET":
            raise Unfit(405, "Method not allowed")
        korean = not request.headers.get("accept-language", "").lower().startswith("en")
        now = int(request.unix)
        if request.path == LIST:
            query = request.query
            category = query.get("category", "all")
            if category not in {"all", *CATEGORIES}:
                raise Unfit(400, "category is not valid")
            size = min(MOST_PER_PAGE, _number(query, "per_page", PER_PAGE))
            return self.board.page(_number(query, "page", 1), size, category, korean=korean, now=now)
        number = request.path.removeprefix(f"{LIST}/")
        notice = self.board.find(int(number), korean=korean) if re.fullmatch(r"[0-9]{1,9}", number) else None
        if notice is None:
            raise Unfit(404, "Not found")
        html = "".join(f"<p>{line}</p>" for line in notice.body.split("\n"))
        return {**self.board.row(notice, korean=korean, now=now), "body": html}


def _number(query: Mapping[str, str], key: str, default: int) -> int:
    text = query.get(key, str(default))
    if re.fullmatch(r"[0-9]{1,6}", text) is None or int(text) == 0:
        raise Unfit(400, f"{key} is not valid")
    return int(text)


def _matches(asked: str, tag: str) -> bool:
    """Whether an If-None-Match header names the tag, by HTTP's weak comparison."""
    if asked.strip() == "*":
        return True
    return tag.removeprefix("W/") in re.findall(r'"[^"]*"', asked)
