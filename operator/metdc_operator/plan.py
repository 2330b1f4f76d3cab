"""What is to be done so that a resource's objects are as it wants them: observed and wanted to actions. Pure.

Nothing that replaces a pod is done without a turn of the rotation; everything else is done at once. What is gone is
made anew, what somebody else has changed is put right, what nobody wants any more is deleted, the data apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metdc_operator import rotation
from metdc_operator.installation import Installation
from metdc_operator.judgement import Judgement
from metdc_operator.manifests.deployment import adjustment, deployment
from metdc_operator.manifests.disruption import disruption_budget
from metdc_operator.manifests.names import APPLIED, SHELL_DIGEST, deployment_name
from metdc_operator.manifests.network import network_policy
from metdc_operator.records import Child, Deployment
from metdc_operator.resource import Resource
from metdc_operator.times import render

DEPLOYMENT, BUDGET, POLICY = "Deployment", "PodDisruptionBudget", "NetworkPolicy"


@dataclass(frozen=True, slots=True)
class Apply:
    """Write an object as a whole, by server-side apply; ``new`` when none of that name is known."""

    kind: str
    body: Mapping[str, Any]
    why: str
    new: bool = False


@dataclass(frozen=True, slots=True)
class Adjust:
    """Change what of a Deployment needs no turn, by merge patch, and leave its template alone."""

    kind: str
    body: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Verify:
    """Ask the API server whether applying the body to a Deployment would change it: somebody else has been at it."""

    kind: str
    body: Mapping[str, Any]
    uid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object, if it is still the one with that uid."""

    kind: str
    namespace: str
    name: str
    uid: str
    why: str


Action = Apply | Adjust | Verify | Delete


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a Deployment of that generation differs from what the operator wrote: in its template, in the rest."""

    generation: int
    template: bool
    shell: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """What there is of one resource's objects, by name.

    Attributes:
        judgements: one for each part that the resource wants, in its order.
        surplus: Deployments of the resource that are no such part.
        budgets, policies: of the resource.
        checks: what the API server said of objects that somebody else has changed, by uid.
    """

    judgements: Sequence[Judgement]
    surplus: Sequence[Deployment] = ()
    budgets: Mapping[str, Child] = field(default_factory=dict)
    policies: Mapping[str, Child] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)

    def shell_drifted(self, found: Deployment) -> bool:
        """Whether what of a Deployment needs no turn was found to be changed by somebody else."""
        check = self.checks.get(found.meta.uid)
        return check is not None and check.shell and check.generation == found.meta.generation

    def touched(self, found: Deployment | Child) -> bool:
        """Whether somebody else has changed an object, and nobody has looked at it since."""
        check, generation = self.checks.get(found.meta.uid), found.meta.generation
        return found.applied != generation and (check is None or check.generation != generation)


def waits_for_shards(judgement: Judgement, all_of_market: Sequence[Judgement]) -> bool:
    """Return whether a pod goes on with more instruments than it is to have, until the new shards carry theirs.

    A new shard that was made for more shards than are wanted now carries less than it is to.
    """
    found = judgement.deployment
    if found is None or found.shards >= judgement.part.shards:
        return False
    return any(each.part.shard >= found.shards and not _carries_its_share(each) for each in all_of_market)


def _carries_its_share(judgement: Judgement) -> bool:
    found = judgement.deployment
    return judgement.carried and found is not None and found.shards <= judgement.part.shards


def views(observed: Observed, now: int) -> list[rotation.Market]:
    """Return the markets as rotation sees them."""
    found = []
    for each in observed.judgements:
        waits = waits_for_shards(each, _siblings(observed, each.part.market))
        view = each.market(now, waits=waits)
        if view is not None and (each.surging or not waits):  # a turn would write the whole template
            found.append(view)
    return found


def plan(
    resource: Resource,
    observed: Observed,
    turns: Mapping[str, rotation.Turn],
    now: int,
    installation: Installation,
) -> list[Action]:
    """Return what to do now, in order; ``turns`` are the replacements that may begin, by identity."""
    planner = _Planner(resource, observed, turns, now, installation)
    return [*planner.deployments(), *planner.surplus(), *planner.budgets(), *planner.policies()]


@dataclass(frozen=True, slots=True)
class _Planner:
    resource: Resource
    observed: Observed
    turns: Mapping[str, rotation.Turn]
    now: int
    installation: Installation

    # -- Deployments

    def deployments(self) -> Iterator[Action]:
        for each in self.observed.judgements:
            found = each.deployment
            if found is None:
                yield Apply(DEPLOYMENT, self._made(each, self._slot(each)), "missing", new=True)
            elif found.meta.deleting is None and found.meta.owner in {None, self.resource.uid}:
                yield from self._existing(each, found)
            # What is being collected is made anew afterwards.

    def _existing(self, judgement: Judgement, found: Deployment) -> Iterator[Action]:
        after, turn = found.meta.generation + 1, self.turns.get(judgement.identity)
        if judgement.outdated and judgement.idle:
            body = self._made(judgement, self._slot(judgement), applied=after)
            yield Apply(DEPLOYMENT, body, "changed while no pod runs")
        elif turn is not None:
            body = self._made(judgement, turn.slot, applied=after)
            yield Apply(DEPLOYMENT, body, turn.urgency.name.lower())
        elif judgement.outdated or found.slot is None:
            if self._shell_differs(judgement, found):
                body = adjustment(self.resource, judgement.part, self.installation)
                yield Adjust(DEPLOYMENT, body, "changed; its template waits for a turn")
            else:
                yield from self._looked_at(judgement, found, found.slot or 0)
        else:
            yield from self._in_line(judgement, found, found.slot)

    def _in_line(self, judgement: Judgement, found: Deployment, slot: int) -> Iterator[Action]:
        """A Deployment whose template is as wanted keeps its slot, whatever else is written."""
        after = found.meta.generation + 1  # of a Deployment, annotations count, too
        if self._shell_differs(judgement, found):
            yield Apply(DEPLOYMENT, self._made(judgement, slot, applied=after), "changed without a pod")
        elif found.written != self.resource.generation:
            yield Apply(DEPLOYMENT, self._made(judgement, slot, applied=after), "seen at a new generation")
        else:
            yield from self._looked_at(judgement, found, slot)

    def _looked_at(self, judgement: Judgement, found: Deployment, slot: int) -> Iterator[Action]:
        if self.observed.touched(found):
            body = self._made(judgement, slot, applied=found.applied)
            yield Verify(DEPLOYMENT, body, found.meta.uid, found.meta.generation)

    def _made(self, judgement: Judgement, slot: int, *, applied: int = 1) -> dict[str, Any]:
        return deployment(
            self.resource, judgement.part, slot=render(slot), installation=self.installation, applied=applied
        )

    def _slot(self, judgement: Judgement) -> int:
        return rotation.slot_start(judgement.identity, self.resource.interval, self.now)

    def _shell_differs(self, judgement: Judgement, found: Deployment) -> bool:
        part = judgement.part
        labelled = (found.market, found.shard) == (part.market, part.shard)  # labels make no generation
        differs = found.shell != judgement.want.shell or found.meta.owner is None or not labelled
        return differs or self.observed.shell_drifted(found)

    def surplus(self) -> Iterator[Delete]:
        """Deployments of markets that are no longer wanted, and of shards whose instruments others carry."""
        wanted = {market["name"] for market in self.resource.spec["markets"]}
        for each in self.observed.surplus:
            if each.meta.deleting is not None:
                continue
            if each.market not in wanted:
                yield _delete(DEPLOYMENT, each, "its market is no longer wanted")
            elif all(kept.carried and not kept.outdated for kept in _siblings(self.observed, each.market)):
                yield _delete(DEPLOYMENT, each, "the other shards carry its instruments")

    # -- what stands beside them

    def budgets(self) -> Iterator[Action]:
        wanted = self.installation.disruption_budgets
        names = {deployment_name(self.resource, each.part): each.part for each in self.observed.judgements}
        for name, part in names.items() if wanted else ():
            made = disruption_budget(self.resource, part, self.installation)
            yield from self._child(BUDGET, made, self.observed.budgets.get(name))
        staying = {*names, *(each.meta.name for each in self.observed.surplus)} if wanted else set()
        yield from _gone(BUDGET, self.observed.budgets, staying)

    def policies(self) -> Iterator[Action]:
        wanted = self.installation.network_policies
        if wanted:
            made = network_policy(self.resource, self.installation)
            yield from self._child(POLICY, made, self.observed.policies.get(self.resource.name))
        yield from _gone(POLICY, self.observed.policies, {self.resource.name} if wanted else set())

    def _child(self, kind: str, made: dict[str, Any], found: Child | None) -> Iterator[Apply]:
        marks = made["metadata"]["annotations"]
        if found is None:
            yield Apply(kind, made, "missing", new=True)
        elif found.meta.deleting is None and (
            found.shell != marks[SHELL_DIGEST] or found.meta.owner is None or self.observed.touched(found)
        ):
            applied = {APPLIED: str(found.meta.generation + 1)}
            metadata = made["metadata"] | {"annotations": marks | applied}
            yield Apply(kind, made | {"metadata": metadata}, "changed")


def _gone(kind: str, found: Mapping[str, Child], staying: set[str]) -> Iterator[Delete]:
    for name, each in found.items():
        if name not in staying and each.meta.deleting is None:
            yield _delete(kind, each, "no longer wanted")


def _delete(kind: str, found: Deployment | Child, why: str) -> Delete:
    return Delete(kind, found.meta.namespace, found.meta.name, found.meta.uid, why)


def _siblings(observed: Observed, market: str) -> list[Judgement]:
    return [each for each in observed.judgements if each.part.market == market]
