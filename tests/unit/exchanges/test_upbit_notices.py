"""Upbit's notices: pages of the list, the body of one, frames of the socket, and the token that opens it."""

import base64
import contextlib
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import Ending, InvalidReply
from metdc_collector.exchanges.upbit import notices
from metdc_collector.exchanges.upbit.notices import Heard, Notice, Page, hear, read_body, read_page

SECOND = 1_000_000_000
# 2025-04-22T13:58:32+09:00
DEEP_AT = 1_745_297_912 * SECOND
DEEP: dict[str, Any] = {
    "listed_at": "2025-04-22T13:58:32+09:00",
    "first_listed_at": "2025-04-22T13:58:32+09:00",
    "id": 5055,
    "title": "딥북(DEEP) KRW 마켓 디지털 자산 추가",
    "category": "거래",
    "need_new_badge": True,
    "need_update_badge": False,
}
EDITED: dict[str, Any] = {
    "listed_at": "2025-04-21T17:00:00+09:00",
    "first_listed_at": "2025-04-18T15:00:00+09:00",
    "id": 5049,
    "title": "펏지펭귄(PENGU) 신규 거래지원 안내 (KRW, BTC, USDT 마켓) (거래지원 개시 시점 안내)",
    "category": "거래",
    "need_new_badge": False,
    "need_update_badge": True,
}
HEARD: dict[str, Any] = {
    "type": "announcement",
    "event_type": "CREATED",
    "uuid": "562593104",
    "title": "[거래] 신규 거래 지원 안내 ...",
    "category": "trade",
    "url": "https://www.upbit.com/service_center/notice?id=562593104&view=share",
    "first_listed_at": "2026-07-14T16:36:34+09:00",
    "listed_at": "2026-07-14T16:36:34+09:00",
    "timestamp": 1752566400123,
    "stream_type": "REALTIME",
}
HEARD_AT = 1_784_014_594 * SECOND


def page(*rows: Any, **data: Any) -> bytes:
    whole = {"total_pages": 149, "total_count": 4460, "notices": list(rows), "fixed_notices": []} | data
    return json.dumps({"success": True, "data": whole}, ensure_ascii=False).encode()


# -- the list


def test_a_page_is_read_in_its_order_with_both_times() -> None:
    read = read_page(page(DEEP, EDITED))
    assert read == Page(
        [
            Notice(5055, DEEP["title"], DEEP_AT, DEEP_AT),
            Notice(5049, EDITED["title"], 1_744_956_000 * SECOND, 1_745_222_400 * SECOND),
        ],
        [],
        [],
        short=True,
    )


def test_pinned_rows_stand_apart() -> None:
    read = read_page(page(DEEP, fixed_notices=[EDITED]))
    assert [notice.number for notice in read.notices] == [5055]
    assert [notice.number for notice in read.pinned] == [5049]


@pytest.mark.parametrize("pinned", [None, "none", {}])
def test_without_pinned_rows_a_page_is_a_page(pinned: object) -> None:
    assert len(read_page(page(DEEP, fixed_notices=pinned)).notices) == 1


def test_a_notice_has_a_page_for_people() -> None:
    assert Notice(5055, "x", 0, 0).url == "https://upbit.com/service_center/notice?id=5055"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": None}, "its number is none: None"),
        ({"id": "5055"}, "its number is none: '5055'"),
        ({"id": 0}, "its number is none: 0"),
        ({"id": True}, "its number is none: True"),
        ({"id": 2**63}, "its number is none"),
        ({"title": None}, "its title is none: None"),
        ({"title": "  "}, "its title is none: '  '"),
        ({"title": "x" * 10_001}, "its title is none: 'xxx"),
        ({"first_listed_at": None}, "first_listed_at is no time with its offset: None"),
        ({"first_listed_at": "2025-04-22T13:58:32"}, "first_listed_at is no time with its offset"),
        ({"listed_at": "yesterday"}, "listed_at is no time with its offset: 'yesterday'"),
        ({"listed_at": 1745297912}, "listed_at is no time with its offset: 1745297912"),
        ({"listed_at": "1999-04-22T13:58:32+09:00"}, "listed_at is no time"),
        ({"listed_at": "0001-01-01T00:00:00+23:00"}, "listed_at is no time"),
    ],
)
def test_a_damaged_row_costs_none_but_itself_and_is_shown(change: dict[str, Any], problem: str) -> None:
    read = read_page(page(DEEP | change, EDITED))
    assert [notice.number for notice in read.notices] == [5049]
    (damaged,) = read.damaged
    assert damaged.startswith(problem)
    assert ", in {" in damaged
    assert len(damaged) < 500


def test_a_row_that_is_no_object_is_damaged() -> None:
    assert read_page(page(DEEP, "x")).damaged == ["a row is no object: 'x', in 'x'"]


def test_a_page_of_which_no_row_can_be_read_is_none() -> None:
    with pytest.raises(InvalidReply, match="none of the 2 notices can be read: its number is none: None, in"):
        read_page(page(DEEP | {"id": None}, "x"))


def test_a_page_may_be_empty_where_there_is_no_notice_at_all() -> None:
    assert read_page(page(total_count=0)) == Page([], [], [])
    with pytest.raises(InvalidReply, match="the page is empty, of 4460 notices"):
        read_page(page())
    assert read_page(page(), 2) == Page([], [], [])


@pytest.mark.parametrize(
    ("rows", "total", "number", "whole"),
    [
        (20, 4460, 1, True),
        (19, 4460, 1, False),
        (19, 19, 1, True),
        (19, None, 1, True),
        (19, "4460", 1, True),
        (19, 4460, 2, True),
    ],
)
def test_a_first_page_with_too_few_rows_is_not_whole(rows: int, total: object, number: int, whole: bool) -> None:
    read = read_page(page(*(DEEP | {"id": row} for row in range(1, rows + 1)), total_count=total), number)
    assert (read.whole, len(read.notices)) == (whole, rows)


def test_nor_is_a_page_with_a_damaged_row() -> None:
    assert read_page(page(DEEP, total_count=1)).whole
    assert not read_page(page(DEEP, "x", total_count=2)).whole


def test_a_fraction_of_a_second_is_left_out() -> None:
    (notice,) = read_page(page(DEEP | {"first_listed_at": "2025-04-22T04:58:32.987Z"})).notices
    assert notice.announced == DEEP_AT


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the reply is not JSON: it is empty"),
        (b"<!DOCTYPE html><title>Just a moment...</title>", "the reply is not JSON: it begins with '<!DOCTYPE html>"),
        (b"\xff\xfe", "the reply is not JSON"),
        (b"[1,2]", "the reply is no JSON object: list"),
        (b'{"success":false,"error":{"message":"x"}}', "the venue refused: dict (code False)"),
        (b'{"success":true}', "the venue refused: None (code True)"),
        (b'{"success":true,"data":[]}', "the venue refused: list (code True)"),
        (b'{"success":true,"data":{"list":[]}}', "the reply holds no array of notices: None"),
    ],
)
def test_what_is_no_page_is_told_in_words(body: bytes, problem: str) -> None:
    with pytest.raises(InvalidReply) as told:
        read_page(body)
    assert str(told.value).startswith(problem)


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
def test_any_bytes_are_a_page_or_refused(body: bytes) -> None:
    with contextlib.suppress(InvalidReply):
        read_page(body)


def test_pages_are_asked_for_by_number_and_by_what_is_known() -> None:
    assert notices.list_request().path == "/api/v1/announcements?os=web&page=1&per_page=20&category=trade"
    later = notices.list_request(3, unless='W/"abc"')
    assert (later.path.split("&")[1], later.unless) == ("page=3", 'W/"abc"')


# -- one notice


def test_the_body_of_a_notice_is_its_html() -> None:
    reply = json.dumps({"success": True, "data": DEEP | {"body": "<p>안녕하세요</p>"}}).encode()
    assert read_body(reply) == "<p>안녕하세요</p>"
    assert notices.body_request(5055).path == "/api/v1/announcements/5055"


def test_a_notice_without_a_body_is_told_as_that() -> None:
    with pytest.raises(InvalidReply, match="the notice has no body: None"):
        read_body(json.dumps({"success": True, "data": DEEP}).encode())


# -- the socket


def frame(**change: Any) -> bytes:
    return json.dumps(HEARD | change).encode()


def test_a_new_notice_is_heard_with_its_body() -> None:
    assert hear(frame(body="| a |")) == Heard(Notice(562593104, HEARD["title"], HEARD_AT, HEARD_AT, "| a |"))
    for absent in ({"body": None}, {}):
        heard = hear(frame(**absent)).notice
        assert heard is not None
        assert heard.body is None


def test_an_edited_notice_is_heard_as_that() -> None:
    assert hear(frame(event_type="UPDATED")).edited


def test_the_answer_to_a_ping_says_nothing() -> None:
    assert hear(b'{"status":"UP"}') == Heard()


@pytest.mark.parametrize(
    ("name", "ending"), [("INVALID_AUTH", Ending.FAULT), ("too_many_requests", Ending.REFUSED), (429, Ending.REFUSED)]
)
def test_an_error_ends_the_connection(name: object, ending: Ending) -> None:
    heard = hear(json.dumps({"error": {"name": name, "message": "no"}}).encode())
    assert heard == Heard(problem=f"the venue refused: 'no' ({name!r})", ending=ending)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", ""),
        (b"PONG", ""),
        (b"[]", "no object: list"),
        (b'{"type":"trade"}', "neither a notice nor an answer: type 'trade'"),
        (b'{"error":"x"}', "error is no object with a name: 'x'"),
        (b'{"error":{}}', "error is no object with a name: dict"),
        (frame(event_type="DELETED"), "event_type is neither CREATED nor UPDATED: 'DELETED'"),
        (frame(uuid=562593104), "its number is none: 562593104"),
        (frame(uuid="a1"), "its number is none: 'a1'"),
        (frame(uuid="9" * 20), "its number is none"),
        (frame(title=None), "its title is none: None"),
        (frame(listed_at="2026-07-14"), "listed_at is no time"),
    ],
)
def test_a_frame_that_is_none_is_told_in_words(data: bytes, problem: str) -> None:
    heard = hear(data)
    assert (heard.notice, heard.ending) == (None, None)
    assert heard.problem is not None
    assert heard.problem.startswith(problem)


@given(st.binary(max_size=200))
def test_any_frame_is_heard(data: bytes) -> None:
    hear(data)


def test_the_subscription_is_the_documents() -> None:
    assert json.loads(notices.SUBSCRIPTION) == [
        {"ticket": "metdc-listings"},
        {"type": "announcement", "categories": ["trade"], "include_body": True},
        {"format": "DEFAULT"},
    ]


def test_the_token_is_signed_with_the_secret_key_and_holds_the_access_key() -> None:
    made = notices.token("access", "secret", "b2f1e3f8-2dc1-4d6f-a838-c74c49b0e39a")
    head, claims, signature = made.split(".")

    def opened(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    assert head == "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9"  # as in the example of Upbit's page
    assert json.loads(opened(claims)) == {"access_key": "access", "nonce": "b2f1e3f8-2dc1-4d6f-a838-c74c49b0e39a"}
    assert opened(signature) == hmac.new(b"secret", f"{head}.{claims}".encode(), hashlib.sha512).digest()
    assert "=" not in made
