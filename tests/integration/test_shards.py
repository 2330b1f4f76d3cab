"""A market that several pods share, by instruments or all of it, as an operator puts them there and takes them away."""

from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.harness import NatsServer
from tests.integration.rig import (
    BINANCE_SPOT,
    COINS,
    PHEMEX_SPOT,
    Collector,
    Market,
    Simulator,
    collector,
    configuration,
    held,
    settled,
)

pytestmark = pytest.mark.timeout(180)
EACH = pytest.mark.parametrize("market", [BINANCE_SPOT, PHEMEX_SPOT], ids=lambda market: market.key)
RATE = 300


class Pods:
    """Pods of one market."""

    def __init__(self, exchange: Simulator, market: Market, nats: NatsServer, stack: ExitStack) -> None:
        self._exchange, self._market, self._nats, self._stack = exchange, market, nats, stack

    def start(self, pod: str, shard: int, shards: int) -> Collector:
        """Start one that carries a shard, and wait until it is ready."""
        config = configuration(self._exchange, self._market, self._nats.url, pod=pod)
        started: AbstractContextManager[Collector] = collector(config | {"shard": shard, "shards": shards})
        running = self._stack.enter_context(started)
        running.until_ready()
        return running

    def flow(self, count: int = RATE) -> None:
        """Wait for so many further trades."""
        self._exchange.sent(self._market, self._exchange.state(self._market)["sent"] + count)


def streamed(*running: Collector) -> int:
    """How many instruments they stream together."""
    return sum(each.report()["symbols"]["streaming"] for each in running)


@EACH
def test_a_market_is_split_over_three_pods_and_joined_again_under_load_without_a_hole(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with ExitStack() as stack:
        pods = Pods(exchange, market, nats, stack)
        exchange.rate(market, RATE)
        whole = pods.start("whole", 0, 1)
        pods.flow()
        others = [pods.start(f"split-{shard}", shard, 3) for shard in (1, 2)]
        first = pods.start("split-0", 0, 3)
        whole.stop()
        pods.flow()
        assert streamed(first, *others) == len(COINS)
        assert all(streamed(each) < len(COINS) for each in (first, *others))
        joined = pods.start("joined", 0, 1)
        first.stop()
        for each in others:
            each.stop()
        pods.flow()
        assert streamed(joined) == len(COINS)
        verdict = settled(exchange, nats.url, joined)
    held(verdict, market, least=3 * RATE)


@EACH
def test_of_two_pods_of_a_market_one_that_is_killed_costs_nothing(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with ExitStack() as stack:
        config = [
            configuration(exchange, market, nats.url, pod=pod, redundancy=2, rotation={"overlap": "1s"})
            for pod in ("one", "two")
        ]
        one, two = [stack.enter_context(collector(each)) for each in config]
        for each in (one, two):
            each.until_ready()
        exchange.rate(market, RATE)
        exchange.sent(market, RATE)
        two.until(lambda report: report["trades"]["duplicates"] + report["trades"]["stored"] > RATE / 2, "both publish")
        one.process.kill()
        exchange.sent(market, exchange.state(market)["sent"] + RATE)
        verdict = settled(exchange, nats.url, two)
    held(verdict, market, least=2 * RATE)
