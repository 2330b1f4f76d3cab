"""The users of the chart's NATS server: collectors can do what they do, readers read, and nobody anything else."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import nats
import pytest
from nats.aio.client import Client

from tests.checks.rendering import CHART, named, render
from tests.harness import eventually, folder, nats_server
from tests.integration import rig
from tests.integration.rig import CEILING, Simulator, collector, configuration, held, judged, simulator

T = TypeVar("T")
FORGED = "trades.phemex.spot.BTC.USDT"


class Users(NamedTuple):
    """A running server, and the passwords of its users."""

    host: str
    passwords: dict[str, str]

    def url(self, user: str) -> str:
        """Where a user connects."""
        return f"nats://{user}:{self.passwords[user]}@{self.host}"


@pytest.fixture(scope="module")
def users() -> Iterator[Users]:
    """The chart's configuration of users, with the passwords of one rendering, in a server's environment."""
    objects = render()
    text = named(objects, "ConfigMap", "metdc-nats")["data"]["nats.conf"]
    passwords = {
        each["stringData"]["username"]: each["stringData"]["password"] for each in objects if each["kind"] == "Secret"
    }
    variables = {f"{user.upper()}_PASSWORD": password for user, password in passwords.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with nats_server(configuration=text[text.index("authorization {") :]) as server:
            yield Users(server.url.removeprefix("nats://"), passwords)


@pytest.fixture(scope="module")
def stored(users: Users) -> Iterator[Simulator]:
    """A collector has stored trades of Binance, and then another one of Phemex, by the collectors' user alone."""
    with simulator(only=["binance.spot", "phemex"]) as simulated, folder("metdc-secret-") as secret:
        (secret / "username").write_text("collector")
        (secret / "password").write_text(users.passwords["collector"])
        for market in (rig.BINANCE_SPOT, rig.PHEMEX_SPOT):
            config = configuration(simulated, market, f"nats://{users.host}")
            config["spec"]["nats"]["inboxPrefix"] = "_INBOX_collector"
            with collector(config, credentials=secret) as running:
                running.until_ready()
                simulated.rate(market, 50)
                simulated.sent(market, 100)
                simulated.rate(market, 0)
                rig.until_quiet(running)
                running.stop()
                assert "ermissions" not in running.process.log
        yield simulated


def as_user(users: Users, user: str, work: Callable[[Client, list[str]], Awaitable[T]]) -> T:
    """Do something as a user, whose inboxes are its own; ``work`` gets what the server complains of as well."""

    async def run() -> T:
        errors: list[str] = []

        async def told(error: Exception) -> None:
            errors.append(str(error).lower())

        prefix = "_INBOX" if user == "reader" else f"_INBOX_{user}"
        client = await nats.connect(users.url(user), error_cb=told, inbox_prefix=prefix)
        try:
            return await work(client, errors)
        finally:
            await client.close()

    return asyncio.run(run())


def sequences(users: Users) -> dict[str, int]:
    """The last sequence of every stream, as a reader sees it."""

    async def ask(client: Client, errors: list[str]) -> dict[str, int]:
        infos = await client.jetstream().streams_info()
        return {str(info.config.name): info.state.last_seq for info in infos}

    return as_user(users, "reader", ask)


def test_a_collector_can_do_all_that_it_does_and_a_reader_sees_it(users: Users, stored: Simulator) -> None:
    verdict = judged(stored, users.url("reader"))
    held(verdict, rig.BINANCE_SPOT, least=100)
    streams = {
        "TRADES_BINANCE",
        "TRADES_PHEMEX",
        "METDC_EVENTS",
        "KV_metdc_health",
        "KV_metdc_universe",
        "KV_metdc_proofs",
    }
    assert set(sequences(users)) == streams


def test_helm_s_test_reads_the_newest_trade_as_a_reader(users: Users, stored: Simulator, tmp_path: Path) -> None:
    for name, value in (("username", "reader"), ("password", users.passwords["reader"])):
        (tmp_path / name).write_text(value)
    told = read_trade(users.host, tmp_path)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["exchange"] == "phemex"


def test_helm_s_test_says_when_it_is_not_let_in(users: Users, stored: Simulator, tmp_path: Path) -> None:
    for name, value in (("username", "reader"), ("password", "wrong")):
        (tmp_path / name).write_text(value)
    told = read_trade(users.host, tmp_path)
    assert told.returncode == 1
    assert re.search(r"NATS at .*: .*[Aa]uthorization", told.stderr)


def test_helm_s_test_says_what_to_do_when_there_is_no_trade(tmp_path: Path) -> None:
    with nats_server() as server:
        told = read_trade(server.url.removeprefix("nats://"), None)
    assert told.returncode == 1
    assert "apply an ExchangeCollector" in told.stderr


def read_trade(host: str, credentials: Path | None) -> subprocess.CompletedProcess[str]:
    text = (CHART / "files" / "read_trade.py").read_text(encoding="utf-8")
    environment = os.environ | {"NATS_URL": f"nats://{host}", "METDC_WAIT": "3"}
    if credentials is not None:
        environment["METDC_NATS_CREDENTIALS"] = str(credentials)
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, env=environment, timeout=CEILING, check=False
    )


@pytest.mark.parametrize("login", [{}, {"user": "reader", "pass": "wrong"}, {"user": "somebody", "pass": "m1"}])
def test_without_a_password_nobody_is_let_in(users: Users, login: dict[str, str]) -> None:
    host, _, port = users.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=CEILING) as client:
        lines = client.makefile("rwb")
        assert lines.readline().startswith(b"INFO ")
        lines.write(b"CONNECT " + json.dumps(login | {"verbose": False}).encode() + b"\r\nPING\r\n")
        lines.flush()
        assert lines.readline() == b"-ERR 'Authorization Violation'\r\n"


NOT_TO_BE_PUBLISHED = {
    "reader": [FORGED, "gaps.binance.spot.BTC.USDT", "instruments.binance.spot.BTC.USDT", "$KV.metdc_health.a"],
    "listings": [FORGED, "gaps.binance.spot.BTC.USDT", "$KV.metdc_proofs.a"],
    "collector": ["listings.upbit.krw.BTC", "$KV.other.a", "$JS.ACK.a"],
}
REQUESTS = ["STREAM.DELETE.TRADES_BINANCE", "STREAM.PURGE.TRADES_BINANCE", "STREAM.MSG.DELETE.TRADES_BINANCE"]
CHANGES = [
    "STREAM.CREATE.MORE",
    "STREAM.UPDATE.TRADES_BINANCE",
    "STREAM.SNAPSHOT.TRADES_BINANCE",
    "STREAM.RESTORE.MORE",
]
NOT_TO_BE_ASKED = {
    "reader": [*REQUESTS, *CHANGES],
    "listings": [*REQUESTS, *CHANGES[1:]],
    "collector": [*REQUESTS, "CONSUMER.CREATE.TRADES_BINANCE", *CHANGES[2:]],
}


@pytest.mark.parametrize(
    ("user", "subject"),
    [(user, subject) for user, subjects in NOT_TO_BE_PUBLISHED.items() for subject in subjects]
    + [(user, f"$JS.API.{call}") for user, calls in NOT_TO_BE_ASKED.items() for call in calls],
)
def test_what_a_user_has_no_business_with_is_refused_and_changes_nothing(
    users: Users, stored: Simulator, user: str, subject: str
) -> None:
    before = sequences(users)

    async def publish(client: Client, errors: list[str]) -> list[str]:
        await client.publish(subject, b"{}")
        await client.flush()
        await asyncio.to_thread(eventually, lambda: bool(errors), CEILING, "the server complains")
        return errors

    (error,) = as_user(users, user, publish)
    assert f'permissions violation for publish to "{subject.lower()}"' in error
    assert sequences(users) == before


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("reader", FORGED),
        ("reader", "trades.>"),
        ("reader", "_INBOX_collector.>"),
        ("listings", "trades.>"),
        ("listings", "_INBOX.>"),
        ("collector", "trades.>"),
        ("collector", "_INBOX.>"),
    ],
)
def test_nobody_hears_what_streams_store_or_what_others_are_answered(
    users: Users, stored: Simulator, user: str, subject: str
) -> None:
    async def listen(client: Client, errors: list[str]) -> list[str]:
        await client.subscribe(subject)
        await client.flush()
        await asyncio.to_thread(eventually, lambda: bool(errors), CEILING, "the server complains")
        return errors

    assert "permissions violation for subscription" in as_user(users, user, listen)[0]


def test_a_reader_s_push_consumer_delivers_into_no_stream(users: Users, stored: Simulator) -> None:
    """The server lets it be made, and would deliver if anybody could subscribe to that very subject."""
    before = sequences(users)

    async def push(client: Client, errors: list[str]) -> dict[str, Any]:
        await client.subscribe(FORGED)
        config = {"name": "push", "deliver_subject": FORGED, "ack_policy": "none", "deliver_policy": "all"}
        request = json.dumps({"stream_name": "TRADES_BINANCE", "config": config}).encode()
        made = json.loads((await client.request("$JS.API.CONSUMER.CREATE.TRADES_BINANCE.push", request)).data)
        assert made["num_pending"] > 0
        await asyncio.sleep(1)  # it would deliver at once
        found = await client.request("$JS.API.CONSUMER.INFO.TRADES_BINANCE.push", b"")
        return dict(json.loads(found.data))

    info = as_user(users, "reader", push)
    assert (info["delivered"]["stream_seq"], info.get("push_bound", False)) == (0, False)
    assert sequences(users) == before
