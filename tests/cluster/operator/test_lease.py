"""Who acts, by a Lease of the real API server."""

from metdc_operator.lease import Lease
from tests.cluster.operator.world import World


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lease(world: World, identity: str, clock: Clock) -> Lease:
    return Lease(world.api, namespace=world.namespace, name="one", identity=identity, clock=clock, duration=15)


async def test_one_holds_it_and_another_waits_until_it_is_given_back(world: World) -> None:
    clock = Clock()
    first, second = lease(world, "first", clock), lease(world, "second", clock)
    await first.turn()
    await second.turn()
    assert (first.held, second.held, second.holder) == (True, False, "first")

    await first.release()
    await second.turn()
    assert (first.held, second.held) == (False, True)
    await first.turn()
    assert not first.held


async def test_a_holder_that_cannot_renew_stops_before_another_may_begin(world: World) -> None:
    clock = Clock()
    first, second = lease(world, "first", clock), lease(world, "second", clock)
    await first.turn()
    await second.turn()

    clock.now += 10
    await second.turn()
    assert (first.held, second.held) == (False, False)
    clock.now += 5.1
    await second.turn()
    await first.turn()
    assert (first.held, second.held) == (False, True)


async def test_a_lease_that_is_renewed_is_never_taken_whatever_the_other_clock_says(world: World) -> None:
    clock, other = Clock(), Clock()
    first, second = lease(world, "first", clock), lease(world, "second", other)
    for _ in range(4):
        await first.turn()
        await second.turn()
        clock.now += 5
        other.now += 14
    assert first.held
    assert not second.held
