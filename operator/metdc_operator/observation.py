"""What the operator has seen of a resource's pods: the input of the status. Times are ns since the epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from metdc_collector.wire.report import Handover, Report


class Reason(StrEnum):
    """Every ``reason`` that a condition can have."""

    # Ready
    COLLECTING = "Collecting"  # every market carries its data
    STARTING = "Starting"  # a pod is there and does not carry the data yet; the message says what it waits for
    SUSPENDED = "Suspended"  # spec.suspend
    REPORT_STALE = "ReportStale"  # the pods have not said anything lately
    # What keeps a pod or its successor from running
    CRASHING = "Crashing"  # the process ends by itself again and again
    INVALID_CONFIGURATION = "InvalidConfiguration"  # the process refuses what it is told; the message names the field
    IMAGE_NOT_FOUND = "ImageNotFound"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason
    UNSCHEDULABLE = "Unschedulable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    NOT_CREATED = "NotCreated"  # the API server or the node refuses the pod; the message says why
    NAME_TAKEN = "NameTaken"  # an object of that name is not ours
    NOT_READY_IN_TIME = "NotReadyInTime"  # the successor runs and does not carry the data
    # Streaming
    ALL_STREAMING = "AllStreaming"
    CONNECTING = "Connecting"
    COOLDOWN = "Cooldown"  # the exchange has refused several times in a row
    REGION_BLOCKED = "RegionBlocked"  # the exchange refuses this region; spec.endpoints names a gateway elsewhere
    REFUSED = "Refused"  # the exchange refuses instruments that are wanted
    NO_SYMBOLS = "NoSymbols"  # the selection is empty
    SYMBOLS_MISSING = "SymbolsMissing"  # subscribed and silent, or not subscribed yet
    # NATSConnected
    CONNECTED = "Connected"
    DISCONNECTED = "Disconnected"
    NOT_ACKNOWLEDGED = "NotAcknowledged"  # connected, but no publish is acknowledged
    # StreamInSync
    IN_SYNC = "InSync"
    DISAGREES = "Disagrees"  # the stream differs in what may not be changed; the message shows both values
    MANAGED_ELSEWHERE = "ManagedElsewhere"  # the same under management: Observe
    NOT_LOOKED = "NotLooked"
    # Complete
    NO_GAPS = "NoGaps"
    GAPS_OPEN = "GapsOpen"
    GAPS_UNFILLABLE = "GapsUnfillable"
    NOT_COUNTED = "NotCounted"  # the exchange makes gaps uncountable, or nobody has counted yet
    # Progressing and RotationStalled
    ROTATING = "Rotating"
    SETTLED = "Settled"
    STALLED = "Stalled"
    ON_SCHEDULE = "OnSchedule"
    ROTATION_SUSPENDED = "RotationSuspended"  # spec.rotation.suspend
    # Suspended
    RUNNING = "Running"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a pod from running, or a successor from taking over; the message says what to do."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod, or one process: what the cluster says of it and what it last reported itself."""

    name: str
    ready: bool = False
    slot: str = ""
    started: int | None = None
    node: str | None = None
    restarts: int = 0
    terminating: bool = False
    report: Report | None = None
    trouble: Trouble | None = None

    def fresh(self, since: int) -> Report | None:
        """The report, if it was made at or after ``since``."""
        return self.report if self.report is not None and self.report.at >= since else None


@dataclass(frozen=True, slots=True)
class Rotation:
    """A finished replacement: ``finished`` is when the old pod stopped reading.

    ``handover`` is what the new pod has proven; null where it has not told.
    """

    slot: str
    old: str
    new: str
    finished: int
    handover: Handover | None = None


@dataclass(frozen=True, slots=True)
class MarketSeen:
    """One market's shard.

    Attributes:
        market, shard, shards: which.
        pods: in any order.
        rotating: a replacement is under way.
        stalled: why the successor does not become ready, once its time is up.
        trouble: why there is no pod at all.
        last, next: the last replacement, and when the next one is due.
    """

    market: str
    shard: int = 0
    shards: int = 1
    pods: Sequence[Pod] = ()
    rotating: bool = False
    stalled: Trouble | None = None
    trouble: Trouble | None = None
    last: Rotation | None = None
    next: int | None = None

    @property
    def title(self) -> str:
        """``spot``, or ``spot/2`` where the market is split."""
        return self.market if self.shards == 1 else f"{self.market}/{self.shard}"

    def ranked(self, since: int) -> list[Pod]:
        """The pods, the leading one first: it carries the data, says so, and is the newest that does.

        What a pod said before it was ready does not stand for the market: it would look as if nothing flowed.
        """

        def rank(pod: Pod) -> tuple[bool, bool, bool, bool, int, str]:
            report = pod.fresh(since)
            says_so = report is not None and report.ready
            return pod.ready, report is not None, says_so, not pod.terminating, pod.started or 0, pod.name

        return sorted(self.pods, key=rank, reverse=True)

    def leading(self, since: int) -> Pod | None:
        """The pod whose report stands for the market; null without pods."""
        return next(iter(self.ranked(since)), None)

    def report(self, since: int) -> Report | None:
        """The leading pod's report, if it is fresh."""
        pod = self.leading(since)
        return pod.fresh(since) if pod is not None else None


@dataclass(frozen=True, slots=True)
class Seen:
    """A resource's markets and what its spec says that the conditions depend on."""

    markets: Sequence[MarketSeen]
    generation: int = 1
    suspended: bool = False
    rotation_suspended: bool = False
    observes_stream: bool = False

    def reports(self, since: int) -> Iterator[Report]:
        """The fresh report of each market that has one."""
        for market in self.markets:
            if (report := market.report(since)) is not None:
                yield report
