"""The health report of one pod: what it served, what it lacks, how far it is behind.

Served at ``/report`` and kept in the key-value bucket ``metdc_health`` under
``<namespace>.<collector>.<market>.<shard>.<pod>``. Record::

    {"v":1,"namespace":"default","collector":"binance","exchange":"binance","market":"spot","shard":0,"shards":1,
     "pod":"binance-spot-0-abc","uid":"…","slot":"2026-11-23T10:00:00Z","state":"streaming","ready":true,"waiting":[],
     "started":1790001000000000000,"at":1790001515000000000,
     "nats":{"connected":true,"acknowledged":true,"stream":"TRADES_BINANCE","stream_in_sync":true,"message":null},
     "connections":{"active":4,"reconnecting":0,"cooldown":0,"failed":0},
     "symbols":{"wanted":431,"streaming":430,"refused":[{"instrument":"XUSDT","reason":"…"}],"listed_at":1790001510000000000},
     "channel":"trade","trades":{"received":81231,"stored":81200,"duplicates":31,"late":0,"expired":0,"per_second":411.2},
     "frames":{"malformed":0,"out_of_scope":0},
     "backlog":{"trades":0,"bytes":0,"oldest":null},"gaps":{"open":0,"filled":3,"unfillable":0},
     "samples":{"checked":81000,"missing":0,"repaired":0},
     "last_trade":1790001514990000000,"score":1.0,"last_ids":{"BTCUSDT":"5312345678"}}
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
    """The pod's view of NATS; ``message`` says in words what is wrong, null when nothing is."""

    connected: bool = False
    acknowledged: bool = False
    stream: str | None = None
    stream_in_sync: bool | None = None
    message: str | None = None


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
class Report:
    """The health report; times in ns since the epoch, ``score`` from 0 (nothing flows) to 1."""

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

    @property
    def key(self) -> str:
        """The report's key in the bucket ``metdc_health``."""
        return f"{self.namespace}.{self.collector}.{self.market}.{self.shard}.{self.pod}"


def encode(report: Report) -> bytes:
    """Return the report as JSON."""
    return orjson.dumps({"v": VERSION} | asdict(report))


def decode(data: bytes) -> Report:
    """Read a report; members that this version doesn't know are passed over.

    Raises:
        InvalidMessage: when it is no report, or is of a version that this code does not know.
    """
    try:
        report = records.build(Report, records.load(data, VERSION))
        if report.score > 1:
            raise InvalidMessage(f"score: {report.score} is above 1")
    except WireError as error:
        raise InvalidMessage(f"report: {error}") from None
    return report
