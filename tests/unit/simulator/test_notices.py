"""Upbit's announcements as pages: what is where, and what an edit moves (reference 9.4)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.simulator.venues.upbit.notices import PAST, RECENT, Board, Notice, body, kst
from tests.simulator.venues.upbit.titles import LISTINGS, OTHERS, Coin

NOW = 1_795_000_000


@pytest.fixture(scope="module")
def past() -> Board:
    """Before anything is published."""
    return Board(7, NOW)


@pytest.fixture
def board() -> Board:
    return Board(7, NOW)


def page(board: Board, number: int = 1, size: int = 20, category: str = "all", **options: Any) -> dict[str, Any]:
    return board.page(number, size, category, **{"korean": True, "now": NOW, **options})


def ids(board: Board, **options: Any) -> list[int]:
    return [row["id"] for row in page(board, **options)["notices"]]


def publish(board: Board, at: int = NOW, **fields: Any) -> Notice:
    notice = Notice(board.reserve(), "셀레스티아(TIA) KRW 마켓 디지털 자산 추가", "trade", at, at, "", "u")
    notice = replace(notice, **fields)
    board.put(notice)
    return notice


def test_times_are_korean_and_of_one_second() -> None:
    assert kst(1_745_297_912) == "2025-04-22T13:58:32+09:00"


def test_a_row_has_the_fields_of_the_reference(past: Board) -> None:
    data = page(past)
    assert list(data) == ["total_pages", "total_count", "notices", "fixed_notices"]
    assert list(data["notices"][0]) == [
        "listed_at", "first_listed_at", "id", "title", "category", "need_new_badge", "need_update_badge",
    ]  # fmt: skip
    assert {row["category"] for row in page(past, size=100)["notices"]} > {"거래", "입출금", "이벤트"}


def test_pages_hold_all_notices_once_newest_first(past: Board) -> None:
    data = page(past)
    assert (data["total_count"], data["total_pages"]) == (PAST, PAST // 20)
    every = [row for number in range(1, 46) for row in page(past, number, 100)["notices"]]
    assert len({row["id"] for row in every}) == PAST
    times = [row["listed_at"] for row in every]
    assert times == sorted(times, reverse=True)
    assert page(past, 46, 100)["notices"] == []


def test_the_stock_is_on_the_first_pages(past: Board) -> None:
    titles = [row["title"] for number in range(1, 4) for row in page(past, number)["notices"]]
    korean = [of.title for of in (*LISTINGS, *OTHERS) if of.title != of.english]
    assert sorted(titles[: len(korean)]) == sorted(korean)


def test_a_category_has_its_own_rows_and_counts(past: Board) -> None:
    data = page(past, size=100, category="trade")
    assert {row["category"] for row in data["notices"]} == {"거래"}
    assert 0 < data["total_count"] < PAST


def test_the_english_pages_have_what_has_an_english_title(past: Board) -> None:
    data = page(past, size=100, korean=False)
    assert 0 < data["total_count"] < PAST
    assert all(row["title"].isascii() for row in data["notices"])
    assert "Trade" in {row["category"] for row in data["notices"]}


def test_the_same_seed_makes_the_same_past() -> None:
    assert page(Board(7, NOW)) == page(Board(7, NOW))
    assert page(Board(7, NOW)) != page(Board(8, NOW))


def test_a_published_notice_is_the_first_row_with_a_rising_id(board: Board) -> None:
    one, two = publish(board), publish(board, NOW + 1)
    assert ids(board)[:2] == [two.id, one.id]
    assert two.id > one.id > ids(board)[2]
    assert page(board)["total_count"] == PAST + 2


def test_a_notice_is_new_for_a_day(board: Board) -> None:
    publish(board)
    assert [page(board, now=NOW + age)["notices"][0]["need_new_badge"] for age in (0, RECENT)] == [True, False]


def test_an_edit_keeps_id_and_first_time_and_brings_an_old_notice_to_the_top(board: Board) -> None:
    old = page(board, 2)["notices"][5]
    board.edit(old["id"], NOW + 5, title="새 제목")
    row = page(board, now=NOW + 5)["notices"][0]
    assert (row["id"], row["first_listed_at"], row["title"]) == (old["id"], old["first_listed_at"], "새 제목")
    assert (row["listed_at"], row["need_update_badge"]) == (kst(NOW + 5), True)
    assert page(board, now=NOW + 5 + RECENT)["notices"][0]["need_update_badge"] is False


def test_who_edits_what_is_not_there_is_told(board: Board) -> None:
    with pytest.raises(KeyError, match="no notice 1 is published"):
        board.edit(1, NOW)


def test_by_id_an_edited_notice_stays_in_its_place(board: Board) -> None:
    before = ids(board, number=2)
    board.order = "id"
    board.edit(before[5], NOW + 5)
    assert ids(board, number=2) == before


def test_shuffled_the_first_page_has_its_rows_in_no_order(board: Board) -> None:
    new, usual, second = publish(board), ids(board), ids(board, number=2)
    board.order = "shuffled"
    assert sorted(ids(board)) == sorted(usual)
    assert ids(board) == ids(board) != usual
    assert ids(board)[0] != new.id
    assert ids(board, number=2) == second


def test_a_pinned_notice_is_on_every_page_beside_the_others(board: Board) -> None:
    pinned = publish(board, pinned=True)
    for number in (1, 7):
        data = page(board, number)
        assert [row["id"] for row in data["fixed_notices"]] == [pinned.id]
        assert pinned.id not in [row["id"] for row in data["notices"]]
    assert page(board)["total_count"] == PAST


def test_a_notice_is_found_by_id_in_the_languages_that_it_has(board: Board) -> None:
    notice = publish(board)
    assert board.find(notice.id, korean=True) == notice
    assert board.find(notice.id, korean=False) is None
    assert board.find(1, korean=True) is None


def test_a_body_says_when_trading_starts_only_if_that_is_known() -> None:
    coins = [Coin("POD", "돌핀", ("KRW", "BTC"), "Dolphin")]
    told = body(coins, 1_745_297_940).split("\n")
    assert "거래지원 개시 시점 : 2025-04-22 13:59 KST 예정" in told
    assert "돌핀(POD) : KRW, BTC 마켓" in told
    assert [line for line in told if line not in body(coins, None).split("\n")] == [told[3]]
