"""What is to be done so that a resource's objects are as it wants them."""

from dataclasses import replace
from typing import Any

import pytest

from metdc_operator import records
from metdc_operator.installation import Installation
from metdc_operator.manifests.names import APPLIED
from metdc_operator.plan import Adjust, Apply, Check, Delete, Observed, Verify, plan, views
from metdc_operator.resource import Part, Resource
from metdc_operator.rotation import Turn, Urgency
from metdc_operator.times import render
from tests.unit.operator.examples import NOW, SECOND, resource
from tests.unit.operator.objects import INSTALLATION, SPOT, as_stored, judged, raw_deployment, raw_pod

BARE = replace(INSTALLATION, disruption_budgets=False, network_policies=False)


def planned(
    wanted: Resource, observed: Observed, *turns: Turn, installation: Installation = BARE
) -> list[Apply | Adjust | Verify | Delete]:
    return plan(wanted, observed, {turn.identity: turn for turn in turns}, NOW, installation)


def slot_of(action: Any) -> str:
    return str(action.body["spec"]["template"]["metadata"]["annotations"]["metdc.io/rotation-slot"])


def edited(name: str = "binance") -> Resource:
    return replace(resource("  symbols: {include: [BTC]}", name=name), generation=2)


# -- one Deployment


def test_a_missing_deployment_is_made_in_the_current_slot() -> None:
    (action,) = planned(resource(), Observed([judged(resource())]))

    assert isinstance(action, Apply)
    assert action.new
    assert render(NOW - 1800 * SECOND) < slot_of(action) <= render(NOW)


def test_a_deployment_that_is_as_wanted_is_left_alone() -> None:
    assert planned(resource(), Observed([judged(resource(), raw_deployment(resource()))])) == []


def test_a_template_is_changed_only_in_turn() -> None:
    observed = Observed([judged(edited(), raw_deployment(resource()))])

    assert planned(edited(), observed) == []
    (action,) = planned(edited(), observed, Turn("default/binance/spot/0", NOW, Urgency.EDIT))
    assert isinstance(action, Apply)
    assert (slot_of(action), action.why) == (render(NOW), "edit")
    assert action.body["metadata"]["annotations"][APPLIED] == "2"


def test_what_replaces_no_pod_is_changed_at_once_and_keeps_the_slot() -> None:
    longer = replace(resource("  rotation: {overlap: 60s}"), generation=2)
    (action,) = planned(longer, Observed([judged(longer, raw_deployment(resource(), slot=NOW - SECOND))]))

    assert isinstance(action, Apply)
    assert action.body["spec"]["minReadySeconds"] == 60
    assert slot_of(action) == render(NOW - SECOND)


def test_what_replaces_no_pod_does_not_wait_for_a_template_that_does() -> None:
    both = replace(resource("  redundancy: 2"), generation=2)
    (action,) = planned(both, Observed([judged(both, raw_deployment(resource()))]))

    assert isinstance(action, Adjust)
    assert action.body["spec"]["replicas"] == 2
    assert "template" not in action.body["spec"]


def test_a_suspended_resource_has_no_pods_and_its_template_needs_no_turn() -> None:
    suspended = replace(resource("  suspend: true\n  symbols: {include: [BTC]}"), generation=2)
    (action,) = planned(suspended, Observed([judged(suspended, raw_deployment(resource()))]))

    assert isinstance(action, Apply)
    assert action.body["spec"]["replicas"] == 0


def test_an_edit_that_concerns_no_pod_is_noted() -> None:
    later = replace(resource(), generation=7)
    (action,) = planned(later, Observed([judged(later, raw_deployment(resource()))]))

    assert isinstance(action, Apply)
    assert action.body["metadata"]["annotations"]["metdc.io/generation"] == "7"
    assert action.body["metadata"]["annotations"][APPLIED] == "2", "the note itself makes another generation"


@pytest.mark.parametrize("label", ["metdc.io/market", "metdc.io/shard"])
def test_a_label_that_somebody_else_has_changed_is_put_right_though_it_makes_no_generation(label: str) -> None:
    changed = raw_deployment(resource())
    changed["metadata"] = changed["metadata"] | {"labels": changed["metadata"]["labels"] | {label: "7"}}
    (action,) = planned(resource(), Observed([judged(resource(), changed)]))

    assert isinstance(action, Apply)
    assert action.why == "changed without a pod"
    assert action.body["metadata"]["labels"][label] in {"spot", "0"}


def test_a_deployment_that_somebody_else_has_touched_is_looked_at_first() -> None:
    touched = as_stored(raw_deployment(resource()), uid="spot-0", generation=3)
    look = judged(resource(), touched)

    (action,) = planned(resource(), Observed([look]))
    assert action == Verify("Deployment", action.body, "spot-0", 3)  # type: ignore[union-attr]
    sound, changed = Check(3, template=False, shell=False), Check(3, template=False, shell=True)
    assert planned(resource(), Observed([look], checks={"spot-0": sound})) == []
    (repair,) = planned(resource(), Observed([look], checks={"spot-0": changed}))
    assert isinstance(repair, Apply)
    (again,) = planned(resource(), Observed([look], checks={"spot-0": replace(changed, generation=2)}))
    assert isinstance(again, Verify)


def test_a_template_that_somebody_else_has_changed_is_put_right_in_turn() -> None:
    touched = as_stored(raw_deployment(resource()), uid="spot-0", generation=3)
    drifted = judged(resource(), touched, drifted=True)

    (look,) = planned(resource(), Observed([drifted]))
    assert isinstance(look, Verify)
    assert planned(resource(), Observed([drifted], checks={"spot-0": Check(3, template=True, shell=False)})) == []
    (rest,) = planned(resource(), Observed([drifted], checks={"spot-0": Check(3, template=True, shell=True)}))
    assert isinstance(rest, Adjust)
    (view,) = views(Observed([drifted]), NOW)
    assert view.change is Urgency.UPGRADE


def test_what_is_being_deleted_or_of_another_owner_is_waited_for() -> None:
    deployed = raw_deployment(resource())
    leaving = as_stored(deployed | {"metadata": deployed["metadata"] | {"deletionTimestamp": render(NOW)}})
    former = raw_deployment(replace(resource(), uid="former"))

    for each in (leaving, former):
        assert planned(edited(), Observed([judged(edited(), each)])) == []


# -- markets and shards


def test_a_removed_market_is_deleted_at_once() -> None:
    both = resource("  markets: [{name: spot}, {name: futures}]")
    futures = records.deployment(raw_deployment(both, Part("futures", 0, 1)))
    observed = Observed([judged(resource(), raw_deployment(resource(), availableReplicas=0))], surplus=[futures])

    assert planned(resource(), observed) == [
        Delete("Deployment", "default", "binance-futures-0", "futures-0", "its market is no longer wanted")
    ]


def test_what_is_being_deleted_is_not_deleted_again() -> None:
    wide = records.deployment(raw_deployment(split(2), Part("spot", 1, 2)))
    leaving = replace(wide, meta=replace(wide.meta, deleting=NOW))
    observed = Observed([judged(resource(), raw_deployment(resource()))], surplus=[leaving])

    assert planned(resource(), observed) == []


def split(shards: int, generation: int = 2) -> Resource:
    return replace(resource(f"  markets: [{{name: spot, shards: {shards}}}]"), generation=generation)


def test_growing_starts_new_shards_first() -> None:
    wanted, before = split(2), raw_deployment(resource())
    old = judged(wanted, before, part=Part("spot", 0, 2))

    (made,) = planned(wanted, Observed([old, judged(wanted, part=Part("spot", 1, 2))]))
    assert isinstance(made, Apply)
    assert made.body["metadata"]["name"] == "binance-spot-1"

    starting = judged(wanted, raw_deployment(wanted, Part("spot", 1, 2), availableReplicas=0), part=Part("spot", 1, 2))
    assert [view.identity for view in views(Observed([old, starting]), NOW)] == ["default/binance/spot/1"]

    carrying = judged(wanted, raw_deployment(wanted, Part("spot", 1, 2)), part=Part("spot", 1, 2))
    changes = {view.identity: view.change for view in views(Observed([old, carrying]), NOW)}
    assert changes == {"default/binance/spot/0": Urgency.EDIT, "default/binance/spot/1": None}


def test_shrinking_ends_a_shard_once_the_kept_ones_carry_its_instruments() -> None:
    surplus = [records.deployment(raw_deployment(split(2), Part("spot", 1, 2)))]
    wide = raw_deployment(split(2, generation=1), Part("spot", 0, 2))
    narrow = raw_deployment(resource())

    assert planned(resource(), Observed([judged(resource(), wide)], surplus=surplus)) == []
    rolling = judged(resource(), narrow | {"status": narrow["status"] | {"replicas": 2}})
    assert planned(resource(), Observed([rolling], surplus=surplus)) == []
    (action,) = planned(resource(), Observed([judged(resource(), narrow)], surplus=surplus))
    assert isinstance(action, Delete)
    assert action.name == "binance-spot-1"


# -- what stands beside them


def test_budgets_and_policy_are_made_once_and_deleted_when_they_are_switched_off() -> None:
    look = judged(resource(), raw_deployment(resource()))
    made = planned(resource(), Observed([look]), installation=INSTALLATION)
    assert [(each.kind, each.new) for each in made] == [  # type: ignore[union-attr]
        ("PodDisruptionBudget", True),
        ("NetworkPolicy", True),
    ]

    budget, policy = (records.child(as_stored(each.body)) for each in made)  # type: ignore[union-attr]
    there = Observed([look], budgets={budget.meta.name: budget}, policies={policy.meta.name: policy})
    assert planned(resource(), there, installation=INSTALLATION) == []
    assert [type(each) for each in planned(resource(), there)] == [Delete, Delete]

    touched = Observed([look], budgets={"binance-spot-0": replace(budget, applied=7)}, policies=there.policies)
    (again,) = planned(resource(), touched, installation=INSTALLATION)
    assert isinstance(again, Apply)
    assert not again.new


def test_a_pod_that_is_ready_is_no_reason_for_anything() -> None:
    deployed = raw_deployment(resource())
    assert planned(resource(), Observed([judged(resource(), deployed, raw_pod(deployed), part=SPOT)])) == []
