"""What the operator makes of a resource on a real API server, and keeps as it is."""

import pytest

from metdc_collector.wire import report as reports
from tests.cluster.operator.stub import of
from tests.cluster.operator.world import World, until

pytestmark = pytest.mark.timeout(240)


async def ready(world: World, name: str = "binance") -> bool:
    return await world.condition("Ready", name) == ("True", "Collecting")


async def test_a_resource_gets_its_objects_and_a_status_that_tells_the_truth(world: World) -> None:
    async with world.operator() as operator:
        await world.collector(markets=[{"name": "spot"}, {"name": "futures", "shards": 2}])
        await until(lambda: ready(world), why="ready")

        wanted = ["binance-futures-0", "binance-futures-1", "binance-spot-0"]
        assert await world.names("deployments") == wanted
        assert await world.names("poddisruptionbudgets") == wanted
        assert await world.names("networkpolicies") == ["binance"]
        status = await world.status()
        assert status["observedGeneration"] == 1
        assert status["totals"]["symbols"] == "120/120"
        assert {each["type"]: each["status"] for each in status["conditions"]} == {
            "Ready": "True",
            "Progressing": "False",
            "Streaming": "True",
            "NATSConnected": "True",
            "StreamInSync": "True",
            "Complete": "True",
            "RotationStalled": "False",
            "Suspended": "False",
        }
        found = await world.get("exchangecollectors", "binance")
        assert found is not None
        assert "finalizers" not in found["metadata"]
        assert {each["manager"] for each in found["metadata"]["managedFields"]} == {"tests", "metdc-operator-status"}
        assert (await operator.get("/healthz"))[0] == 200
        assert await operator.metric("metdc_operator_pods") == 3


async def test_what_pods_say_turns_conditions_and_is_told_as_events_once(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        world.stub.say(of("binance", nats=reports.Nats(message="nats://nats:4222: connection refused")))

        async def disconnected() -> bool:
            return await world.condition("NATSConnected") == ("False", "Disconnected")

        await until(disconnected, why="disconnected")
        told = [message for reason, message in await world.events() if reason == "Disconnected"]
        assert any("connection refused" in message for message in told)
        assert len(told) == len(set(told))


async def test_a_pod_that_says_nothing_makes_the_status_unknown(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        world.stub.say(lambda report: None)

        async def unknown() -> bool:
            return await world.condition("Ready") == ("Unknown", "ReportStale")

        await until(unknown, within=90, why="unknown")


async def test_what_somebody_else_changes_is_put_right(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        before = await world.pods()

        await world.patch("deployments", "binance-spot-0", {"spec": {"replicas": 3}})
        await world.delete("poddisruptionbudgets", "binance-spot-0")
        await world.patch("networkpolicies", "binance", {"spec": {"egress": []}})
        await world.patch("deployments", "binance-spot-0", {"metadata": {"labels": {"metdc.io/market": "futures"}}})

        async def mended() -> bool:
            deployed = await world.get("deployments", "binance-spot-0")
            policy = await world.get("networkpolicies", "binance")
            assert deployed is not None
            assert policy is not None
            return (
                deployed["spec"]["replicas"] == 1
                and deployed["metadata"]["labels"]["metdc.io/market"] == "spot"
                and len(policy["spec"]["egress"]) == 2
                and await world.names("poddisruptionbudgets") == ["binance-spot-0"]
                and len(await world.pods()) == 1
            )

        await until(mended, why="put right")
        assert set(before) & set(await world.pods()) or len(before) == 1

        for label, value in {"metdc.io/market": "spot", "metdc.io/collector": "binance"}.items():
            await world.patch("deployments", "binance-spot-0", {"metadata": {"labels": {label: "other"}}})

            async def labelled(label: str = label, value: str = value) -> bool:
                deployed = await world.get("deployments", "binance-spot-0")
                assert deployed is not None
                return bool(deployed["metadata"]["labels"][label] == value)

            await until(labelled, why=f"{label} is put right")

        pod = {"containers": [{"name": "collector", "image": "metdc/other:1"}]}
        await world.patch("deployments", "binance-spot-0", {"spec": {"template": {"spec": pod}}})

        async def image() -> bool:
            deployed = await world.get("deployments", "binance-spot-0")
            assert deployed is not None
            container = deployed["spec"]["template"]["spec"]["containers"][0]
            return container["image"] == "metdc/collector:dev" and "readinessProbe" in container

        await until(image, why="the image is put right")


async def test_a_deleted_deployment_is_made_anew(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        await world.delete("deployments", "binance-spot-0")

        async def back() -> bool:
            return await world.settled("binance-spot-0") and len(await world.pods()) == 1

        await until(back, why="made anew")


async def test_a_removed_market_leaves_nothing_behind(world: World) -> None:
    async with world.operator():
        await world.collector(markets=[{"name": "spot"}, {"name": "futures"}])
        await until(lambda: ready(world), why="ready")
        await world.collector(markets=[{"name": "spot"}])

        async def gone() -> bool:
            names = await world.names("deployments") + await world.names("poddisruptionbudgets")
            status = await world.status()
            return (
                names == ["binance-spot-0"] * 2
                and len(await world.pods()) == 1
                and [each["name"] for each in status["markets"]] == ["spot"]
            )

        await until(gone, why="the market has gone")


async def test_a_deleted_resource_leaves_nothing_behind_with_the_operator_away(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
    await world.delete("exchangecollectors", "binance")

    async def gone() -> bool:
        return not [
            name
            for plural in ("deployments", "poddisruptionbudgets", "networkpolicies", "pods")
            for name in await world.names(plural)
        ]

    await until(gone, within=60, why="everything has gone")


async def test_what_another_installation_has_made_is_left_alone(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
    before = [each["metadata"]["resourceVersion"] for each in await world.every("deployments")]

    async with world.operator("--operator", "another") as other:
        await until(lambda: other.metric("metdc_operator_lease_held"), why="the lease is held")
        await world.collector(symbols={"include": ["BTC"]})

        async def said() -> bool:
            return "left alone" in other.log.read_text()

        await until(said, why="says so")
        assert [each["metadata"]["resourceVersion"] for each in await world.every("deployments")] == before


async def test_suspending_ends_all_pods_and_resuming_starts_them(world: World) -> None:
    async with world.operator():
        await world.collector()
        await until(lambda: ready(world), why="ready")
        await world.collector(suspend=True)

        async def resting() -> bool:
            return not await world.pods() and await world.condition("Suspended") == ("True", "Suspended")

        await until(resting, why="suspended")
        await world.collector(suspend=False)
        await until(lambda: ready(world), why="resumed")


async def test_one_of_two_operators_acts_and_the_other_takes_over(world: World) -> None:
    async with world.operator() as first:
        await until(lambda: first.metric("metdc_operator_lease_held"), why="the lease is held")
        async with world.operator() as second:
            await world.collector()
            await until(lambda: ready(world), why="ready")
            assert await second.metric("metdc_operator_lease_held") == 0
            assert await second.metric("metdc_operator_status_writes_total") == 0
            assert await first.stop() == 0
            await until(lambda: second.metric("metdc_operator_lease_held"), within=10, why="taken over")
            await world.collector(markets=[{"name": "spot"}, {"name": "futures"}])

            async def both() -> bool:
                return await world.settled("binance-spot-0", "binance-futures-0")

            await until(both, why="the second acts")


async def test_an_operator_that_starts_anew_changes_no_template(world: World) -> None:
    async with world.operator():
        await world.collector(markets=[{"name": "spot"}, {"name": "futures"}])
        await until(lambda: ready(world), why="ready")
    before = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in await world.every("pods")}
    generations = [each["metadata"]["generation"] for each in await world.every("deployments")]

    async with world.operator() as again:
        await until(lambda: again.metric("metdc_operator_status_writes_total"), within=60, why="it writes the status")
        assert [each["metadata"]["generation"] for each in await world.every("deployments")] == generations
        assert set(await world.pods()) == set(before)
