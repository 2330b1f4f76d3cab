"""The same specs before both judges: the API server says of each what the local validator says."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from metdc_collector.wire.report import Handover
from metdc_operator.observation import MarketSeen, Reason, Rotation, Seen, Trouble
from metdc_operator.status import status
from metdc_operator.validate import check
from tests.cluster import figures
from tests.cluster.api import Refused, Server
from tests.specs import definition
from tests.specs.generate import Spec, bad, good
from tests.unit.operator.examples import NOW, SECOND, pod

RULES = {
    rule["message"]
    for _, schema in definition.fields(definition.root())
    for rule in schema.get("x-kubernetes-validations", ())
}
SUSPENDED = {"exchange": "binance", "markets": [{"name": "spot"}], "suspend": True}


@pytest.fixture(scope="module")
def server() -> Server:
    found = Server()
    found.install()
    return found


@pytest.fixture
def stored(server: Server) -> Iterator[dict[str, Any]]:
    with server.stored(SUSPENDED) as resource:
        yield resource


def refusal(server: Server, manifest: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as refused:
        server.judged(manifest)
    return refused.value


@pytest.mark.parametrize("spec", bad(), ids=lambda spec: spec.name)
def test_a_bad_spec_is_refused_for_the_same_field_and_by_the_same_rule(server: Server, spec: Spec) -> None:
    here = check(copy.deepcopy(spec.manifest))
    figures.add(bad_specs=1)
    there = refusal(server, spec.manifest).problems
    figures.add(refused=1)

    assert {each.field for each in there} == {each.path for each in here}
    assert spec.field in {each.field for each in there}
    by_rule = {(each.field, rule) for each in there for rule in RULES if each.message.endswith(f": {rule}")}
    assert by_rule == {(each.path, each.message) for each in here if each.message in RULES}
    assert not spec.message or (spec.field, spec.message) in by_rule


@pytest.mark.parametrize("spec", good(), ids=lambda spec: spec.name)
def test_a_good_spec_is_accepted_with_the_same_defaults(server: Server, spec: Spec) -> None:
    here = copy.deepcopy(spec.manifest)

    assert check(here) == []
    assert server.judged(spec.manifest)["spec"] == here["spec"]


def test_the_exchange_cannot_be_changed(server: Server, stored: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"spec\.exchange: .*exchange is immutable; create another ExchangeCollector"):
        server.updated(stored | {"spec": stored["spec"] | {"exchange": "okx"}})


def test_the_exchange_cannot_be_removed(server: Server, stored: dict[str, Any]) -> None:
    spec = {name: value for name, value in stored["spec"].items() if name != "exchange"}

    with pytest.raises(Refused, match=r"spec\.exchange: Required value"):
        server.updated(stored | {"spec": spec})


def test_everything_else_can_be_changed(server: Server, stored: dict[str, Any]) -> None:
    spec = {"exchange": "binance", "markets": [{"name": "futures", "shards": 3}], "redundancy": 2}

    assert server.updated(stored | {"spec": spec})["spec"]["markets"] == [{"name": "futures", "shards": 3}]


def test_the_status_that_the_operator_computes_is_stored_whole(server: Server, stored: dict[str, Any]) -> None:
    computed = status(_seen(), NOW)

    assert server.with_status(stored, computed)["status"] == computed


def test_the_columns_show_the_status(server: Server, stored: dict[str, Any]) -> None:
    server.with_status(stored, status(_seen(), NOW))
    table = server.table(stored)

    names = [each["name"] for each in table["columnDefinitions"]]
    shown = dict(zip(names, table["rows"][0]["cells"], strict=True))
    assert [shown[name] for name in ("Exchange", "Ready", "Rotation", "Symbols", "Trades/s", "Markets")] == [
        *("binance", "True", "ImageNotFound"),
        *("431/431", 412, "spot"),
    ]
    assert [each["name"] for each in table["columnDefinitions"] if each["priority"] == 0] == [
        *("Name", "Exchange", "Ready", "Reason", "Rotation"),
        *("Symbols", "Trades/s", "Last-Trade", "Reported", "Age"),
    ]


def _seen() -> Seen:
    """Everything that a status can tell: a stalled rotation beside a finished one, and a pod in trouble."""
    trouble = Trouble(Reason.IMAGE_NOT_FOUND, "metdc/collector:none is not found; mend spec.image")
    last = Rotation(
        slot="2026-09-21T14:00:00Z",
        old="binance-spot-0-a",
        new="binance-spot-0-b",
        finished=NOW - 60 * SECOND,
        handover=Handover(
            "binance-spot-0-a",
            farewell=True,
            final=True,
            overlap=30 * SECOND,
            symbols=431,
            by_id=431,
            lost=0,
            duplicates=7,
        ),
    )
    surge = pod("binance-spot-0-b", ready=False, report=None, trouble=trouble, node="node1")
    market = MarketSeen("spot", pods=[pod(), surge], stalled=trouble, last=last, next=NOW + 60 * SECOND)
    return Seen([market])
