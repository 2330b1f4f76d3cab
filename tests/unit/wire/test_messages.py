"""What all kinds of message have in common: they come back equal, and damage is refused in one way only."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from metdc_collector.wire import schemas
from metdc_collector.wire.errors import InvalidMessage
from tests.unit.wire import examples
from tests.unit.wire.kinds import KINDS, NAMED, REQUIRED, SOUND, VALIDATORS

LACK = {"reason": "gap", "start": 1795744800000000000, "end": 1795744801000000000, "open": True}
CAPTURED = {"market": "binance.spot", "instrument": "SOMIUSDT", "symbol": "SOMI-USDT", "trades": 1, "lacks": [LACK]}
ABSENT = {"market": "okx.futures", "reason": "not_listed", "text": "it was not there"}
each_kind = pytest.mark.parametrize("name", KINDS)
generated = settings(max_examples=50)


@each_kind
@generated
@given(st.data())
def test_a_message_comes_back_equal(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    value = data.draw(kind.values)
    assert kind.decode(kind.encode(value)) == value


@each_kind
@generated
@given(st.data())
def test_a_message_fits_its_schema(name: str, data: st.DataObject) -> None:
    record = json.loads(KINDS[name].encode(data.draw(KINDS[name].values)))
    VALIDATORS[name].validate(record)


@each_kind
@generated
@given(st.data())
def test_a_damaged_message_is_refused_or_still_makes_a_message(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    try:
        value = kind.decode(data.draw(examples.damaged(kind.values.map(kind.encode))))
    except InvalidMessage:
        return
    VALIDATORS[name].validate(json.loads(kind.encode(value)))


@pytest.mark.parametrize(
    ("name", "member", "value"),
    [
        ("trade", "v", 2),
        ("trade", "exchange", "Binance"),
        ("trade", "market", None),
        ("trade", "symbol", "BTC"),
        ("trade", "symbol", "-USDT"),
        ("trade", "symbol", "BTC-"),
        ("trade", "instrument", ""),
        ("trade", "id", 5312345678),
        ("trade", "id", 'a"b'),
        ("trade", "seq", 1),
        ("trade", "seq", ""),
        ("trade", "price", None),
        ("trade", "price", 80227.01),
        ("trade", "price", "80227.010"),
        ("trade", "price", "-1"),
        ("trade", "quantity", "1e3"),
        ("trade", "quantity", None),
        ("trade", "side", "BUY"),
        ("trade", "time", "1790001515463000000"),
        ("trade", "time", -1),
        ("trade", "time", 1.5),
        ("trade", "received", None),
        ("trade", "sent", True),
        ("trade", "kind", 3),
        ("trade", "contracts", "0x1"),
        ("trade", "multiplier", "01"),
        ("trade", "unit_factor", 1000),
        ("trade", "aggregate", {"first_id": "1"}),
        ("trade", "aggregate", {"first_id": "1", "last_id": "two words"}),
        ("trade", "aggregate", ["1", "2"]),
        ("trade", "backfilled", "true"),
        ("gap", "exchange", "a.b"),
        ("gap", "symbol", 7),
        ("gap", "gap", "nothing"),
        ("gap", "before", {"id": "1"}),
        ("gap", "before", {"id": 1, "time": 1}),
        ("gap", "after", "1"),
        ("gap", "from", None),
        ("gap", "to", "now"),
        ("gap", "first_missing", 2),
        ("gap", "state", "closed"),
        ("gap", "cause", None),
        ("gap", "missing", -1),
        ("gap", "missing", 1.5),
        ("gap", "at", None),
        ("instrument", "exchange", ""),
        ("instrument", "base", ""),
        ("instrument", "base", None),
        ("instrument", "quote", "US-DT"),
        ("instrument", "tick", 0.01),
        ("instrument", "lot", "0.10"),
        ("instrument", "status", "TRADING"),
        ("instrument", "listed", "2026-01-01"),
        ("listing", "exchange", "Upbit"),
        ("listing", "market", "k.rw"),
        ("listing", "symbol", "POD"),
        ("listing", "instrument", ""),
        ("listing", "announced", "2026-10-01T17:00:00+09:00"),
        ("listing", "announced", -1),
        ("listing", "first_seen", None),
        ("listing", "trade_start", 1.5),
        ("listing", "source", "twitter"),
        ("listing", "notice", 6635),
        ("listing", "title", ["x"]),
        ("listing", "url", True),
        ("capture", "v", "1"),
        ("capture", "name", 1),
        ("capture", "name", ""),
        ("capture", "base", None),
        ("capture", "base", ""),
        ("capture", "at", -1),
        ("capture", "start", 1.5),
        ("capture", "end", "2026-11-27T02:00:20Z"),
        ("capture", "state", "done"),
        ("capture", "completeness", None),
        ("capture", "made", False),
        ("capture", "bucket", None),
        ("capture", "summary", 1),
        ("capture", "trades", -1),
        ("capture", "traded", None),
        ("capture", "gaps", "1"),
        ("capture", "absent", True),
        ("capture", "markets", None),
        ("capture", "markets", [1]),
        ("capture", "markets", [{"market": "binance.spot"}]),
        ("capture", "markets", [CAPTURED | {"market": "binance"}]),
        ("capture", "markets", [CAPTURED | {"market": "binance.spot.SOMI"}]),
        ("capture", "markets", [CAPTURED | {"market": "Binance.spot"}]),
        ("capture", "markets", [CAPTURED | {"instrument": ""}]),
        ("capture", "markets", [CAPTURED | {"symbol": "SOMI"}]),
        ("capture", "markets", [CAPTURED | {"symbol": "SOMI-"}]),
        ("capture", "markets", [CAPTURED | {"trades": -1}]),
        ("capture", "markets", [CAPTURED | {"lacks": {}}]),
        ("capture", "markets", [CAPTURED | {"lacks": [{"reason": "gap", "start": 1}]}]),
        ("capture", "markets", [CAPTURED | {"lacks": [LACK | {"reason": None}]}]),
        ("capture", "markets", [CAPTURED | {"lacks": [LACK | {"end": -1}]}]),
        ("capture", "markets", [CAPTURED | {"lacks": [LACK | {"open": 1}]}]),
        ("capture", "missing", {}),
        ("capture", "missing", [{"market": "okx.spot"}]),
        ("capture", "missing", [ABSENT | {"market": "okx."}]),
        ("capture", "missing", [ABSENT | {"reason": 1}]),
        ("capture", "missing", [ABSENT | {"text": None}]),
        ("capture", "reason", None),
        ("capture", "message", ["x"]),
        ("report", "namespace", None),
        ("report", "shard", -1),
        ("report", "shard", "0"),
        ("report", "state", "well"),
        ("report", "ready", 1),
        ("report", "waiting", "nothing"),
        ("report", "waiting", [1]),
        ("report", "nats", None),
        ("report", "nats", {"connected": "yes"}),
        ("report", "symbols", {"refused": [{"instrument": "X"}]}),
        ("report", "trades", {"per_second": "fast"}),
        ("report", "score", 1.01),
        ("report", "score", -0.01),
        ("report", "last_ids", {"BTCUSDT": 1}),
        ("report", "last_ids", []),
    ],
)
def test_a_member_that_is_wrong_is_refused_by_reader_and_schema(name: str, member: str, value: object) -> None:
    damaged = json.loads(SOUND[name]) | {member: value}
    with pytest.raises(InvalidMessage):
        KINDS[name].decode(json.dumps(damaged).encode())
    assert not VALIDATORS[name].is_valid(damaged)


@pytest.mark.parametrize(
    ("name", "member"),
    [(name, member) for name, members in REQUIRED.items() for member in members],
)
def test_a_member_that_is_missing_is_refused_by_name(name: str, member: str) -> None:
    damaged = json.loads(SOUND[name])
    del damaged[member]
    with pytest.raises(InvalidMessage, match=NAMED.get(member, member)):
        KINDS[name].decode(json.dumps(damaged).encode())
    assert not VALIDATORS[name].is_valid(damaged)


@each_kind
def test_a_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(schemas.load(name))


@each_kind
def test_a_schema_describes_every_member_that_is_sent(name: str) -> None:
    assert list(_unknown(json.loads(SOUND[name]), schemas.load(name))) == []
    assert [where for where in _undescribed(schemas.load(name)) if where != ""] == []


def test_the_schemas_that_are_shipped_are_those_of_the_messages() -> None:
    assert set(schemas.NAMES) == set(KINDS)


def _unknown(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _unknown(entry, schema.get("items", {}), f"{path}[]")
    elif isinstance(value, dict) and "additionalProperties" not in schema:
        for name, member in value.items():
            if (found := schema.get("properties", {}).get(name)) is None:
                yield f"{path}.{name}"
            else:
                yield from _unknown(member, found, f"{path}.{name}")


def _undescribed(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    if "description" not in schema:
        yield path
    for name, member in schema.get("properties", {}).items():
        yield from _undescribed(member, f"{path}.{name}")
    if "properties" in (items := schema.get("items", {})):
        yield from _undescribed(items, f"{path}[]")


@each_kind
@given(st.binary())
@example(b"")
@example(b"null")
@example(b"[]")
@example(b"[" * 100_000)
@example(b'{"v":' * 100_000)
@example(b'{"v":1}')
@example(b'{"v":true}')
@example(b'{"v":1e400}')
@example(b"\xff\xfe")
def test_arbitrary_bytes_are_refused_as_no_message(name: str, data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        KINDS[name].decode(data)


@each_kind
@given(examples.junk)
def test_arbitrary_json_is_refused_as_no_message(name: str, value: Any) -> None:
    with pytest.raises(InvalidMessage):
        KINDS[name].decode(json.dumps(value).encode())


@each_kind
@pytest.mark.parametrize("version", [0, 2, "1", None, True, 1.0])
@generated
@given(data=st.data())
def test_a_message_of_another_version_is_refused_by_that(name: str, version: object, data: st.DataObject) -> None:
    kind = KINDS[name]
    record = json.loads(kind.encode(data.draw(kind.values))) | {"v": version}
    with pytest.raises(InvalidMessage, match=r"version .* is not 1"):
        kind.decode(json.dumps(record).encode())


@each_kind
@generated
@given(data=st.data())
def test_members_of_a_later_day_are_passed_over(name: str, data: st.DataObject) -> None:
    kind = KINDS[name]
    value = data.draw(kind.values)
    record = json.loads(kind.encode(value)) | {"invented_later": [1]}
    assert kind.decode(json.dumps(record).encode()) == value
    VALIDATORS[name].validate(record)
