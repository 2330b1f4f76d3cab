"""A successor beside a collector that can't deliver: it isn't ready before that has delivered, or is stuck for good."""

import contextlib
import signal
from collections.abc import Iterator

import pytest

from tests.harness import NatsServer, nats_server
from tests.integration.rig import BINANCE_SPOT, Collector, Simulator, collector, configuration, held, settled

pytestmark = pytest.mark.timeout(180)
_CLOSED = 'publish: { deny: ["trades.>"] }'
_USERS = f"""authorization {{ users: [
  {{ user: "old", password: "a", permissions: {{ {_CLOSED} }} }}
  {{ user: "new", password: "b" }}
] }}"""
OLD, NEW = "old:a", "new:b"


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    """A server that takes reports of the user ``old``, and trades only from ``new``."""
    with nats_server(configuration=_USERS) as running:
        yield running


def address(nats: NatsServer, login: str) -> str:
    """Return the server's address for a user."""
    return nats.url.replace("//", f"//{login}@")


def opened(nats: NatsServer) -> None:
    """Let the server take trades of all."""
    file = nats.store / "nats-server.conf"
    file.write_text(file.read_text().replace(_CLOSED, ""))
    nats.process.signal(signal.SIGHUP)
    nats.process.logged("Reloaded server configuration", 10)


@contextlib.contextmanager
def beside_a_backlog(exchange: Simulator, nats: NatsServer, *, by: float) -> Iterator[tuple[Collector, Collector]]:
    """Run a collector whose trades the server doesn't take, and a successor that says whom it waits for."""
    exchange.rate(BINANCE_SPOT, 50)
    old_config = configuration(exchange, BINANCE_SPOT, address(nats, OLD), pod="pod-old")
    new_config = configuration(exchange, BINANCE_SPOT, address(nats, NEW), pod="pod-new")
    with collector(old_config, by=by) as old:
        old.until(lambda report: report["backlog"]["trades"] > 500, "its backlog grows")
        old.until(lambda report: report["at"] - report["backlog"]["oldest"] > 20e9, "its backlog is old")
        with collector(new_config, by=by) as new:
            new.until(started, "it has found what it missed, and streams by itself")
            new.until(waits, "it waits for the other")
            yield old, new


def started(report: dict[str, object]) -> bool:
    """Whether a collector's back-fill is over, and trades go from its sockets to the stream."""
    trades, gaps, backlog = report["trades"], report["gaps"], report["backlog"]
    assert isinstance(trades, dict)
    assert isinstance(gaps, dict)
    assert isinstance(backlog, dict)
    return bool(trades["stored"] > 100 and gaps["filled"] > 0 and gaps["open"] == 0 and backlog["trades"] < 20)


def waits(report: dict[str, object]) -> bool:
    """Whether a collector waits for the other's backlog, and for nothing else."""
    waiting = report["waiting"]
    assert isinstance(waiting, list)
    return len(waiting) == 1 and waiting[0].startswith("pod pod-old to deliver its backlog of ")


def test_a_successor_is_not_ready_before_the_others_backlog_is_delivered(exchange: Simulator, nats: NatsServer) -> None:
    # The 5 minutes after which a backlog that is stuck is not waited for any longer are 60 s here.
    with beside_a_backlog(exchange, nats, by=5) as (old, new):
        status, words = new.get("/readyz")
        undelivered = old.report()["backlog"]["trades"]
        opened(nats)
        new.until_ready()
        assert old.report()["backlog"]["trades"] < undelivered / 2
        assert not new.lines("is not waited for any longer")
        verdict = settled(exchange, address(nats, NEW), old, new)
        old.stop()
        new.stop()
    assert status == 503
    assert words.startswith("waiting for: pod pod-old to deliver its backlog of ")
    assert " trades, the oldest " in words
    held(verdict, BINANCE_SPOT, least=1000)


def test_a_successor_is_ready_when_the_others_backlog_has_not_shrunk_for_long(
    exchange: Simulator, nats: NatsServer
) -> None:
    with beside_a_backlog(exchange, nats, by=20) as (old, new):
        new.until_ready()
        assert old.report()["backlog"]["trades"] > 500
        (said,) = new.lines("is not waited for any longer")
        opened(nats)
        verdict = settled(exchange, address(nats, NEW), old, new)
        old.stop()
        new.stop()
    assert said.startswith("the backlog of pod pod-old, ")
    assert "has not shrunk for 15 s" in said
    held(verdict, BINANCE_SPOT, least=1000)
