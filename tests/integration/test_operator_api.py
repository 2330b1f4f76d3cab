"""The operator's requests to an API server: what they carry, refusals, tokens that are renewed, and events."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import kopf
import pytest
from aiohttp import web

from metdc_operator.cluster import events
from metdc_operator.cluster.api import APPLY, Api, ApiError
from metdc_operator.cluster.calls import Calls
from metdc_operator.notices import Notice
from metdc_operator.records import Meta

ABOUT = Meta("metdc", "okx", "u1", 7)
TURNED = [
    Notice(warning=True, reason="Disconnected", message="NATSConnected is False"),
    Notice(warning=False, reason="Rotated", message="spot"),
]


class Server:
    """Takes one token, keeps what it was asked, answers with it."""

    def __init__(self) -> None:
        self.token = "first"
        self.asked: list[tuple[str, str, str, Any]] = []
        self.refused = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer as an API server does."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            self.refused += 1
            return web.json_response({"reason": "Unauthorized", "message": "Unauthorized"}, status=401)
        if request.path.endswith("/absent"):
            return web.json_response({"reason": "NotFound", "message": 'pods "absent" not found'}, status=404)
        if request.path.endswith("/broken"):
            return web.Response(status=502, text="no JSON")
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.path_qs, request.headers.get("Content-Type", ""), body))
        return web.json_response({"there": True})


def kubeconfig(path: Path, server: str, token: str) -> None:
    """Write who is asked with which token."""
    config = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "one", "user": {"token": token}}],
    }
    path.write_text(json.dumps(config), encoding="utf-8")


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    found = Server()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    kubeconfig(tmp_path / "config", f"http://{host}:{port}/behind/", found.token)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    yield found
    await runner.cleanup()


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    found = await Api.connect()
    yield found
    await found.close()


async def test_a_request_carries_the_token_the_query_and_the_kind_of_its_body(server: Server, api: Api) -> None:
    answer = await api.request("PATCH", "/api/v1/x", query={"force": "true"}, body={"a": [1]}, content_type=APPLY)
    assert answer == {"there": True}
    assert server.asked == [("PATCH", "/behind/api/v1/x?force=true", APPLY, {"a": [1]})]


async def test_a_token_that_has_been_replaced_in_its_file_is_read_anew(
    server: Server, api: Api, tmp_path: Path
) -> None:
    server.token = "second"
    given = json.loads((tmp_path / "config").read_text())
    kubeconfig(tmp_path / "config", given["clusters"][0]["cluster"]["server"], server.token)
    assert await api.request("GET", "/api/v1/x") == {"there": True}
    assert await api.request("GET", "/api/v1/y") == {"there": True}
    assert server.refused == 1


async def test_a_token_that_is_not_taken_is_tried_twice_and_then_told(server: Server, api: Api) -> None:
    server.token = "another"
    with pytest.raises(ApiError, match="GET /api/v1/x: Unauthorized") as told:
        await api.request("GET", "/api/v1/x")
    assert (told.value.status, told.value.retryable, server.refused) == (401, False, 2)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [("absent", '"absent" not found', (404, "NotFound", False)), ("broken", "502 no JSON", (502, "", True))],
)
async def test_a_refusal_says_what_the_server_said(api: Api, name: str, text: str, told: tuple[int, str, bool]) -> None:
    with pytest.raises(ApiError, match=text) as refusal:
        await api.request("GET", f"/api/v1/pods/{name}")
    assert (refusal.value.status, refusal.value.reason, refusal.value.retryable) == told


async def test_a_server_that_is_away_is_no_refusal(server: Server, tmp_path: Path) -> None:
    kubeconfig(tmp_path / "config", "http://127.0.0.1:1", "first")
    away = await Api.connect()
    with pytest.raises(ApiError, match="GET /api/v1/x: ") as told:
        await away.request("GET", "/api/v1/x")
    await away.close()
    assert (told.value.status, told.value.retryable) == (0, True)


async def test_without_credentials_the_error_names_where_they_were_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(kopf.LoginError, match="KUBECONFIG"):
        await Api.connect()


async def test_what_has_turned_is_posted_as_events_about_the_resource(server: Server, api: Api) -> None:
    await events.post(Calls(api, operator="metdc"), TURNED, kind="ExchangeCollector", meta=ABOUT, identity="pod-1")
    assert [each[:2] for each in server.asked] == [("POST", "/behind/api/v1/namespaces/metdc/events")] * 2
    posted = [body for *_, body in server.asked]
    assert [(each["type"], each["reason"]) for each in posted] == [("Warning", "Disconnected"), ("Normal", "Rotated")]
    assert {each["involvedObject"]["uid"] for each in posted} == {"u1"}


async def test_events_that_are_refused_are_logged_and_keep_nothing_from_going_on(
    server: Server, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    server.token = "another"
    await events.post(Calls(api, operator="metdc"), TURNED, kind="ExchangeCollector", meta=ABOUT, identity="pod-1")
    told = [record.message for record in caplog.records if "an event could not be posted" in record.message]
    assert [each.partition(": ")[0] for each in told] == ["metdc/okx"] * 2
