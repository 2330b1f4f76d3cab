"""Encrypted connections on both sides: an exchange behind TLS, and a nats-server that demands it."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import serve

from tests.bench.frames import names
from tests.bench.source import Source
from tests.harness import Process, eventually, folder, http, http_or_none, nats_server, python

START = 30.0
PASSWORD = "let me in"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def where() -> Iterator[Path]:
    with folder("metdc-tls-") as path:
        yield path


@contextmanager
def exchange(authority: trustme.CA) -> Iterator[int]:
    """Serve an instrument list and a feed of ten instruments behind TLS; give the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ports: list[int] = []
    listening, over = Event(), Event()

    async def run() -> None:
        source = Source(names(10), seed=7)
        async with serve(
            source.feed, "127.0.0.1", 0, process_request=source.http, compression=None, ssl=context
        ) as made:
            ports.append(next(iter(made.sockets)).getsockname()[1])
            listening.set()
            await asyncio.to_thread(over.wait)

    thread = Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert listening.wait(START)
        yield ports[0]
    finally:
        over.set()
        thread.join(START)


def config(port: int, nats: str, **nats_fields: Any) -> str:
    """Return the configuration of a collector of that exchange."""
    spec = {
        "exchange": "binance",
        "endpoints": {"rest": f"https://127.0.0.1:{port}", "webSocket": f"wss://127.0.0.1:{port}"},
        "nats": {"urls": [nats], "stream": {"maxBytes": "64Mi"}, **nats_fields},
    }
    fields = {"namespace": "default", "name": "tls", "uid": "tls", "market": "spot", "pod": "tls"}
    return json.dumps({"version": 1, "slot": "2026-01-01T00:00:00Z", "spec": spec, **fields})


@contextmanager
def collector(where: Path, text: str, **environment: str) -> Iterator[tuple[Process, str]]:
    """Run a collector; give the process and the address of its probes."""
    port_file = where / "port"
    command = python("metdc_collector", "--http", "127.0.0.1:0", "--http-port-file", port_file)
    with Process(command, name="collector", env={"METDC_CONFIG": text, **environment}) as process:
        port = eventually(lambda: port_file.is_file() and port_file.read_text().strip(), START, "the collector's port")
        yield process, f"http://127.0.0.1:{port}"


def ready(url: str) -> bool:
    report = http_or_none(f"{url}/report")
    return bool(report and report["ready"])


def secured(where: Path, authority: trustme.CA, *, first: bool) -> str:
    """Write a nats-server's certificates; return its configuration: TLS, and a password."""
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(where / "server.key")
    certificate.cert_chain_pems[0].write_to_path(where / "server.crt")
    handshake = "handshake_first: true" if first else ""
    return (
        f"tls {{ cert_file: {where}/server.crt, key_file: {where}/server.key, {handshake} }}\n"
        f'authorization {{ user: collector, password: "{PASSWORD}" }}'
    )


def secret(where: Path, authority: trustme.CA) -> Path:
    """Write what the Secret of a collector holds; return the folder."""
    made = where / "secret"
    made.mkdir()
    (made / "username").write_text("collector\n")
    (made / "password").write_text(PASSWORD)
    authority.cert_pem.write_to_path(made / "ca.crt")
    return made


@pytest.mark.parametrize("first", [False, True], ids=["after the greeting", "before the greeting"])
def test_a_collector_becomes_ready_between_an_encrypted_exchange_and_an_encrypted_server(
    where: Path, authority: trustme.CA, first: bool
) -> None:
    authority.cert_pem.write_to_path(where / "exchange.crt")
    tls = {"caSecretRef": {"name": "nats"}, "handshakeFirst": first}
    with exchange(authority) as port, nats_server(configuration=secured(where, authority, first=first)) as server:
        text = config(port, server.url, credentialsSecretRef={"name": "nats"}, tls=tls)
        environment = {
            "METDC_NATS_CREDENTIALS": str(secret(where, authority)),
            "METDC_EXTRA_CA": str(where / "exchange.crt"),
            "METDC_DIVIDE_TIMERS": "20",
        }
        with collector(where, text, **environment) as (process, url):
            eventually(lambda: ready(url), START, "readiness")
            assert http(f"{url}/report")["symbols"]["streaming"] == 10
            assert process.terminate() == 0


def test_an_exchange_of_an_unknown_authority_is_not_trusted(where: Path, authority: trustme.CA) -> None:
    with (
        exchange(authority) as port,
        nats_server() as server,
        collector(where, config(port, server.url)) as (process, url),
    ):
        process.logged("certificate verify failed", START)
        assert not http(f"{url}/report")["ready"]


def test_a_file_without_certificates_ends_the_collector_with_2(where: Path) -> None:
    (where / "empty.crt").write_text("nothing\n")
    environment = {"METDC_CONFIG": config(1, "nats://127.0.0.1:1"), "METDC_EXTRA_CA": str(where / "empty.crt")}
    with Process(python("metdc_collector", "--http", "127.0.0.1:0"), name="collector", env=environment) as process:
        assert process.wait(START) == 2
        assert "METDC_EXTRA_CA" in process.log
