"""The health report of one pod: what it served, what it lacks, how far it is behind.

Served at ``/report`` and kept in the key-value bucket ``metdc_health`` under
``<namespace>.<collector>.<market>.<shard>.<pod>``. Record::

    {"v":1,"namespace":"default","collector":"binance","exchange":"binance","market":"spot","shard":0,"shards":1,
     "pod":"binance-spot-0-abc","uid":"…","slot":"2026-11-23T10:00:00Z","state":"streaming","ready":true,"waiting":[],
     "started":1790001000000000000,"at":1790001515000000000,
     "nats":{"connected":true,"acknowledged":true,"stream":"TRADES_BINANCE","stream_in_sync":true,"message":null,
      "stream_bytes":3112960,"stream_max_bytes":8589934592},
     "connections":{"active":4,"reconnecting":0,"cooldown":0,"failed":0},
     "symbols":{"wanted":431,"streaming":430,"refused":[{"instrument":"XUSDT","reason":"…"}],"listed_at":1790001510000000000},
     "channel":"trade","trades":{"received":81231,"stored":81200,"duplicates":31,"late":0,"expired":0,"per_second":411.2},
     "frames":{"malformed":0,"out_of_scope":0},
     "backlog":{"trades":0,"bytes":0,"oldest":null},"gaps":{"open":0,"filled":3,"unfillable":0},
     "samples":{"checked":81000,"missing":0,"repaired":0},
     "last_trade":1790001514990000000,"score":1.0,"last_ids":{"BTCUSDT":"5312345678"},"ended":null,
     "handover":{"predecessor":"binance-spot-0-xyz","farewell":true,"final":true,"started":1790001004000000000,
      "finished":1790001035000000000,"overlap":31000000000,"symbols":431,"by_id":400,"by_rows":0,"by_subscription":30,
      "by_rest":0,"backfilled":1,"unfilled":0,"open":0,"lost":0,"duplicates":31}}
"""

from dataclasses import asdict, dataclass, field
from typing import Literal

import orjson

from metdc_collector.wire import records
from metdc_collector.wire.errors import InvalidMessage, WireError

VERSION = 1
State = Literal["starting", "streaming", "draining", "stopped"]


@dataclass(frozen=True, slots=True)
class Nats:
    """The pod's view of NATS; ``message`` says in words what is wrong, null when nothing is.

    ``stream_bytes`` is what the stream held when the pod last looked, which it does each minute, and
    ``stream_max_bytes`` what it may hold, null where that is not limited; both are null before the first look.
    """

    connected: bool = False
    acknowledged: bool = False
    stream: str | None = None
    stream_in_sync: bool | None = None
    message: str | None = None
    stream_bytes: int | None = None
    stream_max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Connections:
    """Counts of connections by state."""

    active: int = 0
    reconnecting: int = 0
    cooldown: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """An instrument that is wanted and can't be had, and why."""

    instrument: str
    reason: str


@dataclass(frozen=True, slots=True)
class Symbols:
    """Counts of instruments; ``listed_at`` is when the instrument list in use was read (ns), null before the first."""

    wanted: int = 0
    streaming: int = 0
    refused: tuple[Refused, ...] = ()
    listed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Trades:
    """Counts since the pod's start, but ``per_second``: over the last report interval.

    ``stored`` counts acknowledgements of trades that the stream did not hold before, ``duplicates`` those that it did,
    ``late`` the stored ones published after a newer trade, ``expired`` rows of snapshots beyond the stream's retention.
    """

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    late: int = 0
    expired: int = 0
    per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Frames:
    """Counts of frames that were damaged, and of trade rows of instruments that nobody asked for."""

    malformed: int = 0
    out_of_scope: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Trades received and not yet acknowledged; ``oldest`` is when the oldest of them was received (ns)."""

    trades: int = 0
    bytes: int = 0
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class Gaps:
    """Counts of gap records by state; null where nobody counts them."""

    open: int | None = None
    filled: int | None = None
    unfillable: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows of REST that were compared with the stream, those that it lacked, and those of them that were published."""

    checked: int = 0
    missing: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Handover:
    """How this process took over from the one before it, and what proves of each instrument that nothing was lost.

    Each instrument of the first list counts once: ``symbols`` is the sum of ``by_id`` to ``open``.

    Attributes:
        predecessor: the pod before this one; the same name where a process was started again in its pod.
        farewell: whether its last report was read; else what is known of it is from the one before it died.
        final: the predecessor has ended, and no hole of the start is open: nothing here will change.
        started: since when this process has listened to all of its instruments (ns), null before.
        finished: until when the predecessor is known to have read (ns).
        overlap: from ``started`` to ``finished`` (ns); 0 where it ended before.
        by_id: the first trade here has at most the number behind the predecessor's last.
        by_rows: a trade that both have received.
        by_subscription: both listened, and nothing was traded that could tell.
        by_rest: REST shows that nothing is missing.
        backfilled: what was missing came from REST.
        unfilled: something is missing, or may be, and REST did not give it.
        open: not known yet.
        lost: trades that are missing of the unfilled ones; null where the venue makes them uncountable.
        duplicates: trades that both processes published.
    """

    predecessor: str
    farewell: bool = False
    final: bool = False
    started: int | None = None
    finished: int | None = None
    overlap: int = 0
    symbols: int = 0
    by_id: int = 0
    by_rows: int = 0
    by_subscription: int = 0
    by_rest: int = 0
    backfilled: int = 0
    unfilled: int = 0
    open: int = 0
    lost: int | None = 0
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The health report; times in ns since the epoch, ``score`` from 0 (nothing flows) to 1.

    ``ended`` is when the process stopped reading from the exchange, null while it reads; ``handover`` is null where
    there was nobody to take over from.
    """

    namespace: str
    collector: str
    exchange: str
    market: str
    shard: int
    shards: int
    pod: str
    uid: str
    slot: str
    started: int
    at: int
    state: State = "starting"
    ready: bool = False
    waiting: tuple[str, ...] = ()
    nats: Nats = field(default_factory=Nats)
    connections: Connections = field(default_factory=Connections)
    symbols: Symbols = field(default_factory=Symbols)
    channel: str | None = None
    trades: Trades = field(default_factory=Trades)
    frames: Frames = field(default_factory=Frames)
    backlog: Backlog = field(default_factory=Backlog)
    gaps: Gaps = field(default_factory=Gaps)
    samples: Samples = field(default_factory=Samples)
    last_trade: int | None = None
    score: float = 0.0
    last_ids: dict[str, str] = field(default_factory=dict)
    ended: int | None = None
    handover: Handover | None = None

    @property
    def key(self) -> str:
        """The report's key in the bucket ``metdc_health``."""
        return f"{self.namespace}.{self.collector}.{self.market}.{self.shard}.{self.pod}"


def encode(report: Report) -> bytes:
    """Return the report as JSON."""
    return orjson.dumps({"v": VERSION} | asdict(report))


def decode(data: bytes, *, ids: bool = True) -> Report:
    """Read a report; members that this version doesn't know are passed over.

    Without ``ids``, ``last_ids`` stays empty, unread: hundreds of names and numbers that only other pods compare.

    Raises:
        InvalidMessage: when it is no report, or is of a version that this code does not know.
    """
    try:
        record = records.load(data, VERSION)
        if not ids:
            record.pop("last_ids", None)
        report = records.build(Report, record)
        if report.score > 1:
            raise InvalidMessage(f"score: {report.score} is above 1")
    except WireError as error:
        raise InvalidMessage(f"report: {error}") from None
    return report
