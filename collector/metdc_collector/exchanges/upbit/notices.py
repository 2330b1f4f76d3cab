"""Upbit's notices: the list and the page of one over REST, and the socket that sends them as they appear.

``GET /api/v1/announcements`` of the web site's own interface, which is not documented (as bots observe it)::

    {"success":true,"data":{"total_pages":149,"total_count":4460,
     "notices":[
      {"listed_at":"2025-04-22T13:58:32+09:00","first_listed_at":"2025-04-22T13:58:32+09:00","id":5055,
       "title":"딥북(DEEP) KRW 마켓 디지털 자산 추가","category":"거래","need_new_badge":true,
       "need_update_badge":false}],
     "fixed_notices":[]}}

``id`` rises and is the notice's for ever; an edit moves ``listed_at`` and often the title. Pinned rows are in
``fixed_notices``. ``GET …/announcements/{id}`` gives ``data`` with the same members and ``body``, which is HTML.

The socket ``/websocket/v1/private`` (documented) wants a token, and sends no snapshot::

    → [{"ticket":"metdc-listings"},{"type":"announcement","categories":["trade"],"include_body":true},
       {"format":"DEFAULT"}]
    ← {"type":"announcement","event_type":"CREATED","uuid":"562593104","title":"[거래] 신규 거래 지원 안내 ...",
       "category":"trade","url":"https://www.upbit.com/service_center/notice?id=562593104&view=share","body":"…",
       "first_listed_at":"2026-07-14T16:36:34+09:00","listed_at":"2026-07-14T16:36:34+09:00",
       "timestamp":1752566400123,"stream_type":"REALTIME"}
    ← {"error":{"name":"INVALID_AUTH","message":"인증 정보가 올바르지 않습니다."}}
    → PING
    ← {"status":"UP"}

``body`` is Markdown there, null where it is large. Assumed: ``uuid`` is the list's ``id``; nothing depends on it but
the request for a body that did not come.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from metdc_collector.exchanges.base import Ending, InvalidReply, Request
from metdc_collector.exchanges.checks import EARLIEST, LATEST, LIMIT, Damaged, shown
from metdc_collector.exchanges.decoding import Undecodable, decode
from metdc_collector.exchanges.replies import decoded_object, refused
from metdc_collector.exchanges.upbit.protocol import REFUSING

ADDRESS = "https://api-manager.upbit.com"
"""Where the web site has its notices from."""
PER_PAGE = 20
"""Rows of a page, as the web site asks for them."""
SOCKET = "/websocket/v1/private"
SUBSCRIPTION = orjson.dumps(
    [
        {"ticket": "metdc-listings"},
        {"type": "announcement", "categories": ["trade"], "include_body": True},
        {"format": "DEFAULT"},
    ]
).decode()
"""The one frame that asks for notices of the category that listings have."""
_SECOND = 1_000_000_000
_LONGEST_TITLE = 10_000
_PAGE = "https://upbit.com/service_center/notice?id="


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice.

    Attributes:
        number: its identity, for ever.
        title: as the venue wrote it.
        announced: when it was first published, ns since the epoch, to the second.
        listed: when it was published or last edited, likewise.
        body: HTML or Markdown; null where it did not come along.
    """

    number: int
    title: str
    announced: int
    listed: int
    body: str | None = None

    @property
    def url(self) -> str:
        """Its page for people."""
        return f"{_PAGE}{self.number}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list.

    Attributes:
        notices: in the list's order, the last edited first.
        pinned: rows that stay on top; they may be among ``notices``, too.
        damaged: why each row that cannot be used is damaged, with the row.
        short: it has fewer rows than the first of so many notices has.
    """

    notices: Sequence[Notice]
    pinned: Sequence[Notice]
    damaged: Sequence[str] = ()
    short: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing can be hidden in what did not come, or cannot be read."""
        return not (self.damaged or self.short)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a frame of the socket held.

    Attributes:
        notice: a notice; null where the frame held none.
        edited: it had been published before.
        problem: why the frame cannot be read, or the connection is lost; null where all is well.
        ending: the connection is lost, by a broken limit or otherwise; null where it isn't.
    """

    notice: Notice | None = None
    edited: bool = False
    problem: str | None = None
    ending: Ending | None = None


def list_request(page: int = 1, *, unless: str | None = None) -> Request:
    """Return the request for a page of the category that listings have; ``unless`` as :attr:`Request.unless`."""
    return Request(
        f"/api/v1/announcements?os=web&page={page}&per_page={PER_PAGE}&category=trade", urgent=True, unless=unless
    )


def body_request(number: int) -> Request:
    """Return the request for a notice with its body."""
    return Request(f"/api/v1/announcements/{number}", urgent=True)


def read_page(body: bytes, number: int = 1) -> Page:
    """Read the page of that number.

    Raises:
        InvalidReply: when it is none, none of its rows can be read, or it is the first and empty though there are some.
    """
    data = _data(body)
    rows = data.get("notices")
    if not isinstance(rows, list):
        raise InvalidReply(f"the reply holds no array of notices: {shown(rows)}")
    damaged: list[str] = []
    notices = _read(rows, damaged)
    if rows and not notices:
        raise InvalidReply(f"none of the {len(rows)} notices can be read: {damaged[0]}")
    total = data.get("total_count")
    if number == 1 and not rows and total not in (None, 0):
        raise InvalidReply(f"the page is empty, of {shown(total)} notices")
    short = number == 1 and type(total) is int and len(rows) < min(PER_PAGE, total)
    pinned = data.get("fixed_notices")
    return Page(notices, _read(pinned if isinstance(pinned, list) else [], damaged), damaged, short)


def read_body(body: bytes) -> str:
    """Read the page of one notice, and return its body.

    Raises:
        InvalidReply: when it holds none.
    """
    text = _data(body).get("body")
    if not isinstance(text, str):
        raise InvalidReply(f"the notice has no body: {shown(text)}")
    return text


def hear(frame: bytes) -> Heard:
    """Read a frame of the socket; never raises."""
    try:
        message = decode(frame)
        if not isinstance(message, dict):
            raise Damaged(f"no object: {shown(message)}")
        if "error" in message:
            return _error(message["error"])
        if message.get("status") == "UP":
            return Heard()
        return _event(message)
    except (Undecodable, Damaged) as error:
        return Heard(problem=str(error))


def token(access_key: str, secret_key: str, nonce: str) -> str:
    """Return the JWT that lets the socket be opened once: HS512 over the key and a number used once.

    As Upbit's page on authentication has it; a request without parameters has no ``query_hash``.
    """
    head = _base64(orjson.dumps({"alg": "HS512", "typ": "JWT"}))
    claims = _base64(orjson.dumps({"access_key": access_key, "nonce": nonce}))
    signed = f"{head}.{claims}"
    return f"{signed}.{_base64(hmac.digest(secret_key.encode(), signed.encode(), hashlib.sha512))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _data(body: bytes) -> dict[str, Any]:
    reply = decoded_object(body)
    data = reply.get("data")
    if reply.get("success") is not True or not isinstance(data, dict):
        raise refused(reply.get("error", data), reply.get("success"))
    return data


def _read(rows: list[Any], damaged: list[str]) -> list[Notice]:
    notices: list[Notice] = []
    for row in rows:
        try:
            if not isinstance(row, dict):
                raise Damaged(f"a row is no object: {shown(row)}")
            notices.append(_notice(row, row.get("id")))
        except Damaged as error:
            damaged.append(f"{error}, in {_short(row)}")
    return notices


def _event(message: dict[str, Any]) -> Heard:
    if message.get("type") != "announcement":
        raise Damaged(f"neither a notice nor an answer: type {shown(message.get('type'))}")
    kind = message.get("event_type")
    if kind not in ("CREATED", "UPDATED"):
        raise Damaged(f"event_type is neither CREATED nor UPDATED: {shown(kind)}")
    name = message.get("uuid")
    number = int(name) if isinstance(name, str) and name.isascii() and name.isdecimal() and len(name) < 20 else None
    body = message.get("body")
    notice = _notice(message, number, body if isinstance(body, str) else None)
    return Heard(notice, edited=kind == "UPDATED")


def _notice(row: dict[str, Any], number: object, body: str | None = None) -> Notice:
    if type(number) is not int or not 0 < number < LIMIT:
        raise Damaged(f"its number is none: {shown(row.get('id', row.get('uuid')))}")
    title = row.get("title")
    if not isinstance(title, str) or not 0 < len(title.strip()) <= _LONGEST_TITLE:
        raise Damaged(f"its title is none: {shown(title)}")
    announced, listed = _time(row, "first_listed_at"), _time(row, "listed_at")
    return Notice(number, title.strip(), announced, listed, body)


def _time(row: dict[str, Any], key: str) -> int:
    """Return an ISO 8601 time with its offset, in ns since the epoch, to the second."""
    text = row.get(key)
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        if time is not None and time.tzinfo is not None:
            moment = int(time.replace(microsecond=0).timestamp()) * _SECOND
            if EARLIEST <= moment < LATEST:
                return moment
    except (ValueError, OverflowError):
        pass
    raise Damaged(f"{key} is no time with its offset: {shown(text)}")


def _error(error: object) -> Heard:
    """The connection is lost with any error, as on the public socket; its message is in Korean."""
    if not isinstance(error, dict) or "name" not in error:
        raise Damaged(f"error is no object with a name: {shown(error)}")
    name = error["name"]
    problem = f"the venue refused: {shown(error.get('message'))} ({shown(name)})"
    return Heard(problem=problem, ending=Ending.REFUSED if name in REFUSING else Ending.FAULT)


def _short(row: object) -> str:
    text = ascii(row)
    return text if len(text) <= 300 else f"{text[:297]}..."
