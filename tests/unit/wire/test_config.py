"""A pod's configuration: the JSON of its annotation, and the field that is named when it is wrong."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metdc_collector.wire import config
from metdc_collector.wire.config import PodConfig
from metdc_collector.wire.errors import InvalidMessage
from tests.unit.wire import examples

CONFIG = PodConfig(
    namespace="default",
    name="binance",
    uid="8a1f",
    market="spot",
    slot="2026-11-23T10:00:00Z",
    limit_share=Fraction(1, 8),
    spec={"exchange": "binance", "symbols": {"quotes": ["USDT"]}},
    pod="binance-spot-0-7c9d",
)


def with_member(name: str, value: Any) -> str:
    return json.dumps(json.loads(config.encode(CONFIG)) | {name: value})


def test_a_configuration_comes_back_equal() -> None:
    assert config.decode(config.encode(CONFIG)) == CONFIG


def test_equal_configurations_give_equal_text() -> None:
    turned = PodConfig(
        **{name: getattr(CONFIG, name) for name in ("namespace", "name", "uid", "market", "slot", "pod")},
        spec={"symbols": {"quotes": ["USDT"]}, "exchange": "binance"},
    )
    assert config.encode(turned) == config.encode(CONFIG)


def test_a_pod_without_a_name_is_written_without_one() -> None:
    anonymous = config.decode(config.encode(CONFIG).replace(',"pod":"binance-spot-0-7c9d"', ""))
    assert anonymous.pod == ""
    assert "pod" not in json.loads(config.encode(anonymous))


def test_the_exchange_is_that_of_the_spec() -> None:
    assert CONFIG.exchange == "binance"


@pytest.mark.parametrize(("text", "share"), [("1/8", Fraction(1, 8)), ("1", Fraction(1)), ("0.25", Fraction(1, 4))])
def test_a_limit_share_is_a_fraction(text: str, share: Fraction) -> None:
    assert config.decode(with_member("limitShare", text)).limit_share == share


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("version", 2, "version: 2 is not 1"),
        ("version", True, "version: True is not 1"),
        ("replicas", 1, "replicas: no such field"),
        ("namespace", "", "namespace: must be a text that is not empty"),
        ("uid", None, "uid: must be a text that is not empty"),
        ("shard", -1, "shard: must be an integer of at least 0"),
        ("shard", True, "shard: must be an integer of at least 0"),
        ("shard", 1, "shard: 1 is not below shards, 1"),
        ("shards", 0, "shards: must be an integer of at least 1"),
        ("limitShare", "0", "limitShare: '0' is not a fraction"),
        ("limitShare", "9/8", "limitShare: '9/8' is not a fraction"),
        ("limitShare", "1/0", "limitShare: '1/0' is not a fraction"),
        ("limitShare", "1e-999999999", "limitShare: '1e-999999999' is not a fraction"),
        ("limitShare", None, "limitShare: None is not a fraction"),
        ("spec", [], "spec: must be an object"),
        ("spec", {}, "spec.exchange: must be the name of an exchange"),
        ("pod", 7, "pod: must be a text"),
    ],
)
def test_a_field_that_is_wrong_is_named(name: str, value: object, message: str) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        config.decode(with_member(name, value))
    assert str(refusal.value).startswith(f"pod configuration: {message}")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, b"\xff"])
def test_what_is_no_json_object_is_no_configuration(text: str | bytes) -> None:
    with pytest.raises(InvalidMessage, match="pod configuration: not "):
        config.decode(text)


@given(examples.junk)
@example({"version": 1})
def test_arbitrary_json_is_refused_as_no_configuration(value: Any) -> None:
    with pytest.raises(InvalidMessage):
        config.decode(json.dumps(value))


@given(st.data())
def test_a_damaged_configuration_is_refused_or_read_and_never_more(data: st.DataObject) -> None:
    damaged = data.draw(examples.damaged(st.just(config.encode(CONFIG).encode())))
    try:
        read = config.decode(damaged)
    except InvalidMessage:
        return
    assert config.decode(config.encode(read)) == read
