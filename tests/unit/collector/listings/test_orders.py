"""Orders for captures: one an event, by a name that follows from it, tried again while the API does not take them."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from metdc_collector.listings.orders import Cluster, OrderFailed, Orders, manifest, name_of
from metdc_collector.settings import InvalidSettings
from metdc_collector.wire.listing import Listing
from metdc_operator import cel
from tests.unit.operator.test_resource_definition import CAPTURE

AT = 1_795_744_800_000_000_000
SOMI = Listing("upbit", "krw", "SOMI", "KRW", "KRW-SOMI", "announcements", AT + 4_812_345_678, announced=AT)
PATH = "/apis/metdc.io/v1alpha1/namespaces/metdc/listingcaptures"


def order(event: Listing) -> dict[str, Any]:
    return manifest(event, before="20s", after="1m")


# -- what is ordered


def test_the_window_is_around_the_announcement_else_around_when_it_was_first_seen() -> None:
    assert order(SOMI)["spec"] == {"base": "SOMI", "at": "2026-11-27T02:00:00Z", "before": "20s", "after": "1m"}
    assert order(replace(SOMI, announced=None))["spec"]["at"] == "2026-11-27T02:00:04.812Z"


@pytest.mark.parametrize("base", ["SOMI", "1INCH", "A" * 64, "코인", "BTC.b", "-", "a_b"])
def test_every_coin_s_order_is_one_that_the_definition_takes(base: str) -> None:
    made = order(replace(SOMI, base=base))
    jsonschema.validate(made, CAPTURE.root)
    assert [each.path for each in cel.check(made, CAPTURE.root)] == (["spec.base"] if "." in base else [])


def test_a_name_follows_from_coin_and_moment_and_differs_where_they_do() -> None:
    assert name_of(SOMI) == "somi-20261127t020000z"
    events = [replace(SOMI, base=base) for base in ("SOMI", "SO-MI", "SO_MI", "코인", "코", "A" * 40, "A" * 41)]
    events.append(replace(SOMI, announced=AT + 1_000_000_000))
    assert len({name_of(event) for event in events}) == len(events)


# -- how it is ordered


class Memory:
    """Takes orders as an API would that first refuses some of them."""

    def __init__(self, *refusals: OrderFailed) -> None:
        self.refusals = list(refusals)
        self.names: list[str] = []

    def create(self, manifest: Mapping[str, Any]) -> bool:
        if self.refusals:
            raise self.refusals.pop(0)
        name = manifest["metadata"]["name"]
        self.names.append(name)
        return self.names.count(name) == 1


async def ordered(orders: Orders, *events: Listing) -> None:
    for event in events:
        orders.take(event)
    running = asyncio.create_task(orders.run())
    async with asyncio.timeout(10):
        while orders.waiting:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_order_is_tried_until_it_is_taken_and_what_was_there_is_not_counted() -> None:
    api = Memory(OrderFailed("away"), OrderFailed("away"))
    orders = Orders(api, before="20s", after="20s", again=0.01)
    await ordered(orders, SOMI, replace(SOMI, base="ETH"), SOMI)
    assert api.names == ["somi-20261127t020000z", "eth-20261127t020000z", "somi-20261127t020000z"]
    assert (orders.made, orders.waiting, orders.problem) == (2, 0, None)


async def test_what_is_never_taken_holds_up_no_other() -> None:
    api = Memory(OrderFailed("no such field", final=True))
    orders = Orders(api, before="20s", after="20s", again=0.01)
    await ordered(orders, SOMI, replace(SOMI, base="ETH"))
    assert api.names == ["eth-20261127t020000z"]


# -- the API


@contextmanager
def server(status: int, answer: bytes = b"{}") -> Iterator[tuple[str, list[tuple[str, str, dict[str, Any]]]]]:
    """An API server that answers so, and what it was asked."""
    asked: list[tuple[str, str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", asked
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "namespace").write_text("metdc")
    return tmp_path


@pytest.mark.parametrize(("status", "made"), [(201, True), (409, False)])
def test_a_capture_is_made_in_the_pod_s_namespace_with_its_token(account: Path, status: int, made: bool) -> None:
    with server(status) as (url, asked):
        assert Cluster(url, "metdc", account).create(order(SOMI)) is made
    assert asked == [(PATH, "Bearer secret", order(SOMI))]


@pytest.mark.parametrize(
    ("status", "answer", "final", "says"),
    [
        (403, b'{"message":"forbidden"}', False, "403 forbidden"),
        (422, b'{"message":"spec.base"}', True, "422 spec.base"),
        (404, b"[]", False, "404"),
        (500, b"hello", False, "500"),
    ],
)
def test_a_refusal_is_told_and_whether_trying_again_is_of_any_use(
    account: Path, status: int, answer: bytes, final: bool, says: str
) -> None:
    with server(status, answer) as (url, _), pytest.raises(OrderFailed, match=says) as refused:
        Cluster(url, "metdc", account).create(order(SOMI))
    assert refused.value.final is final


def test_an_api_that_is_away_or_a_token_that_is_not_there_is_no_end(account: Path) -> None:
    with server(201) as (url, _):
        pass
    with pytest.raises(OrderFailed) as refused:
        Cluster(url, "metdc", account).create(order(SOMI))
    assert not refused.value.final
    (account / "token").unlink()
    with pytest.raises(OrderFailed):
        Cluster(url, "metdc", account).create(order(SOMI))


def test_the_cluster_is_what_kubernetes_tells_the_pod(account: Path, tmp_path: Path) -> None:
    found = Cluster.of({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}, account)
    assert (found.url, found.namespace) == ("https://10.0.0.1:6443", "metdc")
    assert Cluster.of({"KUBERNETES_SERVICE_HOST": "fd00::1"}, account).url == "https://[fd00::1]:443"
    for environment, folder in (({}, account), ({"KUBERNETES_SERVICE_HOST": "a"}, tmp_path / "nothing")):
        with pytest.raises(InvalidSettings, match="a pod with an account"):
            Cluster.of(environment, folder)
