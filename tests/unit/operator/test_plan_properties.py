"""Whatever is edited, in whatever order the cluster follows: plans converge, and every instrument is always carried."""

from ast import literal_eval
from copy import deepcopy
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from metdc_operator import records
from metdc_operator.manifests.deployment import Digests, digests
from metdc_operator.plan import Adjust, Apply, Check, Delete, Observed, Verify, plan, views
from metdc_operator.resource import Part, Resource
from metdc_operator.rotation import Turn, turns
from tests.unit.operator.examples import NOW, SECOND, resource
from tests.unit.operator.objects import INSTALLATION, as_stored, judged

INSTRUMENTS = range(12)
BASE = resource()


def shard_of(instrument: int, shards: int) -> int:
    """Rendezvous hashing, as the collector's: another shard takes instruments over, the others exchange none."""
    return max(range(shards), key=lambda shard: blake2b(f"{instrument}/{shard}".encode(), digest_size=4).digest())


@cache
def _digests(spec: str, part: Part) -> Digests:
    return digests(replace(BASE, spec=literal_eval(spec)), part, INSTALLATION)


class Model:
    """A cluster that has objects and rolls Deployments out when it is told to."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.carried: dict[str, int] = {}
        self.checks: dict[str, Check] = {}
        self.version = 0
        self.now = NOW

    def observe(self, wanted: Resource) -> Observed:
        deployments = {name: raw for (kind, name), raw in self.objects.items() if kind == "Deployment"}
        judgements = [
            judged(
                wanted,
                deployments.pop(f"{wanted.name}-{part.market}-{part.shard}", None),
                part=part,
                want=_digests(str(wanted.spec), part),
            )
            for part in wanted.parts()
        ]
        children = {
            kind: {name: records.child(raw) for (found, name), raw in self.objects.items() if found == kind}
            for kind in ("PodDisruptionBudget", "NetworkPolicy")
        }
        return Observed(
            judgements=judgements,
            surplus=[records.deployment(raw) for raw in deployments.values()],
            budgets=children["PodDisruptionBudget"],
            policies=children["NetworkPolicy"],
            checks=self.checks,
        )

    def step(self, wanted: Resource) -> int:
        """Look once, with the turns that are to be had; return how much there was to do."""
        self.now += SECOND
        observed = self.observe(wanted)
        given = {turn.identity: turn for turn in turns(views(observed, self.now), self.now)}
        actions = plan(wanted, observed, given, self.now, INSTALLATION)
        for action in actions:
            self.do(action, given)
        return len(actions)

    def do(self, action: Apply | Adjust | Verify | Delete, given: dict[str, Turn]) -> None:
        if isinstance(action, Verify):
            live = self.objects[action.kind, action.body["metadata"]["name"]]["spec"]
            wanted = {**live, **{name: action.body["spec"][name] for name in action.body["spec"] if name != "template"}}
            template = live["template"] != action.body["spec"]["template"]
            self.checks[action.uid] = Check(action.generation, template=template, shell=live != wanted)
            return
        if isinstance(action, Delete):
            del self.objects[action.kind, action.name]
            self.carried.pop(action.name, None)
            return
        key = (action.kind, action.body["metadata"]["name"])
        before, body = self.objects.get(key), deepcopy(dict(action.body))
        if isinstance(action, Adjust):
            assert before is not None
            body["spec"] = before["spec"] | body["spec"]
            body["metadata"]["annotations"] = before["metadata"]["annotations"] | body["metadata"]["annotations"]
        self.version += 1
        changed = before is None or before["spec"] != body["spec"]
        generation = (before["metadata"]["generation"] if before else 0) + changed
        stored = as_stored(body, uid=str(key), version=self.version, generation=generation)
        self.objects[key] = stored | {"status": (before or {}).get("status", {})}
        if before is not None and changed and action.kind == "Deployment" and before["spec"]["replicas"]:
            same = before["spec"]["template"] == body["spec"]["template"]
            assert same or given or not body["spec"]["replicas"], "a template changes only in turn"

    def roll(self, pick: int) -> None:
        """Have one Deployment's pods be as it wants them."""
        names = sorted(name for kind, name in self.objects if kind == "Deployment")
        if not names:
            return
        name = names[pick % len(names)]
        raw = self.objects["Deployment", name]
        count = raw["spec"]["replicas"]
        counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), count)
        raw["status"] = counts | {"observedGeneration": raw["metadata"]["generation"]}
        self.version += 1
        raw["metadata"]["resourceVersion"] = str(self.version)
        if count:
            self.carried[name] = records.deployment(raw).shards
        else:
            self.carried.pop(name, None)

    def covered(self, market: str) -> set[int]:
        """The instruments that a pod carries."""
        found = set()
        for name, shards in self.carried.items():
            _, of, shard = name.split("-")
            if of == market:
                found |= {each for each in INSTRUMENTS if shard_of(each, shards) == int(shard)}
        return found

    def settle(self, wanted: Resource) -> None:
        for _ in range(60):
            idle = self.step(wanted) == 0
            for pick in range(12):
                self.roll(pick)
            if idle and self.step(wanted) == 0:
                return
        raise AssertionError("does not come to rest")


specs = st.tuples(st.integers(1, 4), st.booleans(), st.sampled_from(["BTC", "ETH"]), st.integers(1, 2))


def wanted(spec: tuple[int, bool, str, int], generation: int) -> Resource:
    shards, futures, coin, redundancy = spec
    markets = [{"name": "spot", "shards": shards}] + ([{"name": "futures", "shards": 1}] if futures else [])
    changed = {"markets": markets, "symbols": {"include": [coin]}, "redundancy": redundancy}
    return replace(BASE, spec={**BASE.spec, **changed}, generation=generation)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(specs, st.lists(st.integers(0, 11), max_size=12)), min_size=1, max_size=5), specs)
def test_plans_converge_and_no_instrument_is_ever_left_alone(
    edits: list[tuple[tuple[int, bool, str, int], list[int]]], last: tuple[int, bool, str, int]
) -> None:
    model = Model()
    model.settle(wanted(edits[0][0], 1))
    for generation, (spec, picks) in enumerate(edits, 2):
        for pick in picks:
            model.step(wanted(spec, generation))
            model.roll(pick)
            assert model.covered("spot") == set(INSTRUMENTS)
    end = wanted(last, 99)
    model.settle(end)

    names = sorted(name for kind, name in model.objects if kind == "Deployment")
    assert names == sorted(f"binance-{part.market}-{part.shard}" for part in end.parts())
    assert sorted(name for kind, name in model.objects if kind == "PodDisruptionBudget") == names
    assert all(not look.outdated for look in model.observe(end).judgements)
    assert model.covered("spot") == set(INSTRUMENTS)
