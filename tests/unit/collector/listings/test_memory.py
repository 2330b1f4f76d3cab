"""What the watcher keeps: it comes back equal, and what is something else is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.listings.memory import Memory, Seen, Unread, decode, encode
from metdc_collector.wire.errors import InvalidMessage

times = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
memories = st.builds(
    Memory,
    floor=st.none() | st.tuples(times, times),
    seen=st.dictionaries(times, st.builds(Seen, times, times, st.lists(texts, max_size=3).map(tuple)), max_size=3),
    markets=st.none() | st.frozensets(texts, max_size=3),
    unread=st.lists(st.builds(Unread, times, st.none() | texts, texts, texts), max_size=3),
    not_understood=times,
)
WHOLE = json.loads(
    encode(Memory((6635, 1), {6636: Seen(3, 2, ("POD",))}, frozenset({"BTC"}), [Unread(4, "6637", "t", "r")], 1))
)


@given(memories)
def test_a_memory_comes_back_equal(memory: Memory) -> None:
    assert decode(encode(memory)) == memory


def test_a_memory_is_kept_as_it_is_documented() -> None:
    assert WHOLE == {
        "v": 1,
        "floor": [6635, 1],
        "seen": {"6636": [3, 2, ["POD"]]},
        "markets": ["BTC"],
        "not_understood": 1,
        "unread": [{"at": 4, "notice": "6637", "title": "t", "reason": "r"}],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"floor": [1]},
        {"floor": ["1", 2]},
        {"floor": 5},
        {"seen": []},
        {"seen": {"x": [1, 2, []]}},
        {"seen": {"1": [1, -2, []]}},
        {"seen": {"1": [1, 2, "POD"]}},
        {"markets": [1]},
        {"markets": {"BTC": 1}},
        {"unread": [{"at": 1}]},
        {"unread": 1},
        {"not_understood": None},
    ],
)
def test_what_is_something_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage):
        decode(json.dumps(WHOLE | change).encode())


@pytest.mark.parametrize("member", ["v", "floor", "seen", "markets", "unread", "not_understood"])
def test_what_lacks_a_member_is_refused(member: str) -> None:
    with pytest.raises(InvalidMessage):
        decode(json.dumps({name: value for name, value in WHOLE.items() if name != member}).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_a_memory_or_refused(value: bytes) -> None:
    with pytest.raises(InvalidMessage):
        decode(value)
