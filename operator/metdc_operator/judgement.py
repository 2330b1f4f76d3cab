"""One market's shard as the cluster shows it: what goes on there, as rotation and status want to know it. Pure.

A pod is of the current template when it carries the template's digest and slot; one that isn't is an old pod.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.report import Backlog, Report
from metdc_operator import rotation
from metdc_operator.manifests.deployment import PROGRESS, Digests
from metdc_operator.observation import MarketSeen, Pod, Reason, Rotation, Trouble
from metdc_operator.records import Deployment, PodRecord, slot
from metdc_operator.replacement import finished
from metdc_operator.resource import Part, Resource

OLD_BACKLOG = 10 * SECOND
"""A backlog older than this, and shrinking, holds a rotation."""
PATIENCE = 30 * SECOND
"""So long a pod may be in trouble before its market counts as stalled: nodes are added, images are pulled."""
_LEAVING = 30 * SECOND
"""So long beyond its grace period a pod that ends holds up the next replacement; a dead node's pods never end."""


@dataclass(frozen=True, slots=True)
class Read:
    """A pod's last report, and the backlog that the one before told."""

    report: Report
    before: Backlog | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be known of one market's shard.

    Attributes:
        resource, part: which.
        want: the digests of a Deployment that is as the resource wants it.
        deployment: the live one; null when there is none.
        pods: its pods, but those that have ended.
        left: the pod of it that ended last, as far as that was seen.
        reads: what each pod last reported, by its uid.
        missing: what the volumes of a pod lack, by its uid.
        cordoned: since when nothing new is to be put on a node, by its name.
        drifted: somebody else has changed the live template.
        foreign: the installation that an object of that name belongs to, empty for none; null without such an object.
    """

    resource: Resource
    part: Part
    want: Digests
    deployment: Deployment | None = None
    pods: Sequence[PodRecord] = ()
    left: PodRecord | None = None
    reads: Mapping[str, Read] = field(default_factory=dict)
    missing: Mapping[str, Trouble] = field(default_factory=dict)
    cordoned: Mapping[str, int] = field(default_factory=dict)
    drifted: bool = False
    foreign: str | None = None

    @property
    def identity(self) -> str:
        """What the phase of its rotation follows from."""
        return self.resource.identity(self.part)

    @property
    def outdated(self) -> bool:
        """Whether the live template is not as the resource wants it."""
        return self.deployment is not None and (self.deployment.template != self.want.template or self.drifted)

    @property
    def idle(self) -> bool:
        """Whether no pod is there to be replaced, nor is to be: then a template may change at any time."""
        found = self.deployment
        return found is not None and (self.resource.spec["suspend"] or (found.replicas == 0 and found.total == 0))

    @property
    def surging(self) -> bool:
        """Whether pods of the current template are to take over from old ones."""
        found = self.deployment
        if found is None or self.resource.spec["suspend"]:
            return False
        return found.observed < found.meta.generation or found.updated < found.replicas or found.total > found.updated

    @property
    def carried(self) -> bool:
        """Whether every wanted pod is of the current template and available, or none is wanted."""
        found = self.deployment
        return found is not None and not self.surging and found.available >= found.replicas

    def rotating(self, now: int) -> bool:
        """Whether a replacement, or a first start, is under way; the pod that ends belongs to it."""
        found = self.deployment
        if found is None:
            return False
        starting = found.available == 0 and found.replicas > 0 and now < found.meta.created + self._deadline
        leaving = any(each.meta.deleting is not None and now < each.meta.deleting + _LEAVING for each in self.pods)
        return self.surging or starting or leaving

    @property
    def _deadline(self) -> int:
        return self.resource.overlap + PROGRESS * SECOND

    def current(self, pod: PodRecord) -> bool:
        """Whether a pod is of the current template."""
        found = self.deployment
        return found is not None and pod.template == found.template and slot(pod.slot) == found.slot

    def blocked(self, now: int) -> Trouble | None:
        """Return why pods of the current template do not become ready, once they have had time; null while they may."""
        found = self.deployment
        if found is None or (found.available >= found.replicas and not self.surging):
            return None
        if found.trouble is not None:
            return found.trouble
        young = [each for each in self.pods if self.current(each) and not each.ready and each.meta.deleting is None]
        for each in young:
            trouble = each.trouble or self.missing.get(each.meta.uid)
            if trouble is not None and now >= each.meta.created + PATIENCE:
                return trouble
        return self._late(young) if found.late else None

    def _late(self, young: Sequence[PodRecord]) -> Trouble:
        for each in young:
            read = self.reads.get(each.meta.uid)
            waits = "; ".join(read.report.waiting) if read is not None and read.report.waiting else "its first report"
            return Trouble(Reason.NOT_READY_IN_TIME, f"{each.meta.name} is not ready in time; it waits for {waits}")
        return Trouble(Reason.NOT_READY_IN_TIME, "no pod of the current template is ready in time")

    def held(self, now: int) -> bool:
        """Whether a pod works off a backlog that a successor would have to wait for anyway."""
        for each in self.pods:
            read = self.reads.get(each.meta.uid)
            if read is None or not each.ready or read.before is None:
                continue
            oldest = read.report.backlog.oldest
            if oldest is not None and now - oldest > OLD_BACKLOG and read.report.backlog.trades < read.before.trades:
                return True
        return False

    @property
    def drain(self) -> int | None:
        """Since when a pod's node has been cordoned; null when no pod is on one."""
        staying = [each.node for each in self.pods if each.node is not None and each.meta.deleting is None]
        since = [self.cordoned[node] for node in staying if node in self.cordoned]
        return max(since, default=None)

    def market(self, now: int, *, waits: bool = False) -> rotation.Market | None:
        """The market as rotation sees it; null when there is nothing to take turns for.

        ``waits`` withholds a change of the template, as one that other shards have to come before.
        """
        found = self.deployment
        if found is None or self.idle or found.meta.deleting is not None:
            return None
        edited = found.written != self.resource.generation
        change = rotation.Urgency.EDIT if edited else rotation.Urgency.UPGRADE
        return rotation.Market(
            identity=self.identity,
            exchange=self.resource.exchange,
            interval=self.resource.interval,
            slot=found.slot,
            change=change if self.outdated and not waits else None,
            rotate_after=self.resource.rotate_after,
            drain=self.drain,
            suspended=self.resource.spec["rotation"]["suspend"],
            rotating=self.rotating(now),
            stalled=self.blocked(now) is not None,
            held=self.held(now),
        )

    def seen(self, now: int, *, last: Rotation | None, refused: Trouble | None) -> MarketSeen:
        """The market as the status sees it.

        ``last`` is the last replacement that was told, ``refused`` what the API server said to the Deployment.
        """
        view = self.market(now)
        blocked = self.blocked(now)
        goes_on = any(each.ready and not self.current(each) for each in self.pods)
        taken = Trouble(Reason.NAME_TAKEN, f"{self._name} is there and is not METDC's; delete or rename it")
        nothing = taken if self.foreign is not None else None
        return MarketSeen(
            market=self.part.market,
            shard=self.part.shard,
            shards=self.part.shards,
            pods=[self._pod(each) for each in self.pods],
            rotating=self.surging and any(not self.current(each) for each in self.pods),
            stalled=blocked if self.surging and goes_on else None,
            trouble=nothing or (self.deployment.trouble if self.deployment is not None else None) or refused,
            last=self._last(last, now),
            next=rotation.next_turn(view, now) if view is not None else None,
        )

    @property
    def _name(self) -> str:
        return f"Deployment {self.resource.name}-{self.part.market}-{self.part.shard}"

    def _last(self, told: Rotation | None, now: int) -> Rotation | None:
        """The last replacement; what has been told of one stays once the old pod has ended."""
        pods = [*self.pods, *([self.left] if self.left is not None else [])]
        found = finished(pods, self.current, self.reads, now)
        if found is None:
            return told
        ending = any(each.meta.name == found.old for each in self.pods)
        same = told is not None and (told.old, told.new) == (found.old, found.new)
        return told if same and not ending and found.handover is None else found

    def _pod(self, pod: PodRecord) -> Pod:
        read = self.reads.get(pod.meta.uid)
        return Pod(
            name=pod.meta.name,
            ready=pod.ready,
            slot=pod.slot,
            started=pod.started,
            node=pod.node,
            restarts=pod.restarts,
            terminating=pod.meta.deleting is not None,
            report=read.report if read is not None else None,
            trouble=pod.trouble or self.missing.get(pod.meta.uid),
        )
