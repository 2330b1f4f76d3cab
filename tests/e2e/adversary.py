"""Pods that try what they have no business with: without credentials, with the reader's, and through the operator."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.cluster.kube import Json, Refused, conditions
from tests.cluster.place import START, collected
from tests.e2e.release import NATS, OPERATOR
from tests.e2e.scene import Scene
from tests.harness import eventually

CLIENT = {"metdc.io/nats-client": "true"}
"""The label by which a pod is let in to NATS."""
FORGED = "trades.binance.spot.FORGED.USDT"
_REACH = """
import json, socket, time
time.sleep(5)  # a new pod is unknown to the policies for a moment
def reached(host, port):
    try:
        with socket.create_connection((host, port), timeout=4) as client:
            return client.recv(1).decode() or "closed" if port == 4222 else "open"
    except OSError as error:
        return ""
print(json.dumps([name for name, host, port in {targets!r} if reached(host, port)]))
"""
_PUBLISH = """
import asyncio, json, time
import nats
time.sleep(5)
async def main():
    errors = []
    async def told(error):
        errors.append(str(error).lower())
    options = {options!r}
    try:
        client = await nats.connect({url!r}, error_cb=told, allow_reconnect=False, connect_timeout=10, **options)
    except Exception as error:
        print(json.dumps({{"connected": False, "errors": [str(error).lower(), *errors]}}))
        return
    try:
        for subject in {subjects!r}:
            await client.publish(subject, b'{{"forged": true}}')
        await client.subscribe({forged!r})
        await client.flush()
        await asyncio.sleep(2)
    finally:
        await client.close()
    print(json.dumps({{"connected": True, "errors": errors}}))
asyncio.run(main())
"""


def policies_enforced(scene: Scene) -> bool:
    """Whether a pod is kept out of a collector and of the operator, and out of NATS where no policy lets it in.

    Raises:
        AssertionError: not even a pod that is let in reaches NATS, so that it says nothing.
    """
    collector = scene.sample.pods()[0]["status"]["podIP"]
    operator = scene.release.operator()["status"]["podIP"]
    targets = [("nats", NATS, 4222), ("collector", collector, 8080), ("operator", operator, 8080)]
    code = _REACH.replace("{targets!r}", repr(targets))
    with ThreadPoolExecutor() as pods:
        each = [pods.submit(_said, scene, *who) for who in (("let-in", code, CLIENT), ("kept-out", code, {}))]
        let_in, kept_out = (one.result() for one in each)
    assert "nats" in let_in, "a pod that the policy lets in does not reach NATS"
    return let_in == ["nats"] and not kept_out


def without_credentials(scene: Scene) -> dict[str, Any]:
    """A pod that reaches NATS and has no password."""
    said = _published(scene, "no-password", {})
    assert not said["connected"], "NATS lets in whoever has no password"
    assert any("authorization" in each for each in said["errors"]), said["errors"]
    return {}


def with_the_reader_s(scene: Scene) -> dict[str, Any]:
    """A pod that has the reader's password publishes, deletes and listens, all in vain."""
    before = scene.sample.exchanges.count(FORGED)
    said = _published(scene, "reader", {"user": "reader", "password": scene.release.password("reader")})
    assert said["connected"], said["errors"]
    refused = [each for each in said["errors"] if "permissions violation" in each]
    assert len(refused) == 3, said["errors"]
    assert scene.sample.exchanges.count(FORGED) == before == 0
    return {"refused": len(refused)}


def _published(scene: Scene, name: str, options: dict[str, str]) -> Json:
    subjects = [FORGED, "$JS.API.STREAM.DELETE.TRADES_BINANCE"]
    code = _PUBLISH.format(options=options, url=f"nats://{NATS}:4222", subjects=subjects, forged=FORGED)
    found: Json = _said(scene, name, code, CLIENT)
    return found


def _said(scene: Scene, name: str, code: str, labels: dict[str, str]) -> Any:
    """Run it in a pod; return what its last line says."""
    return json.loads(scene.where.python(scene.images.collector, code, name=name, labels=labels).splitlines()[-1])


def another_namespace_s_secret(scene: Scene) -> dict[str, Any]:
    """A resource names a Secret that only another namespace has; and the operator itself asks for Secrets."""
    key = base64.b64encode(b"another's").decode()
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "victim"}}
    scene.other.apply(head | {"data": {"apiKey": key}})
    for name in ("victim", f"{scene.other.name}/victim", f"../{scene.other.name}/victim"):
        _steal(scene, name)
    account = f"--as=system:serviceaccount:{scene.where.name}:{OPERATOR}"
    for place in (scene.where, scene.other):
        for verb in ("get", "list", "watch", "create", "update"):
            assert _may_not(scene, place.name, verb, account), f"the operator may {verb} secrets in {place.name}"
    return {}


def _steal(scene: Scene, secret: str) -> None:
    symbols, credentials = {"include": ["USDT-BTC"]}, {"name": secret}
    thief = collected("thief", "upbit", "simulator:9409", symbols=symbols, exchangeCredentialsSecretRef=credentials)
    try:
        scene.where.apply(thief)
    except Refused:
        assert "/" in secret, "a name is a name"
        return  # it is no name
    try:
        told = eventually(lambda: _reason(scene) == "SecretMissing", START, "thief: SecretMissing", every=2)
        assert told
    finally:
        scene.where.kubectl("delete", "exchangecollector", "thief")


def _reason(scene: Scene) -> str:
    found = scene.where.get("exchangecollector", "thief")
    return str(conditions(found).get("Ready", {}).get("reason", ""))


def _may_not(scene: Scene, namespace: str, verb: str, account: str) -> bool:
    try:
        said = scene.where.cluster.run("--namespace", namespace, "auth", "can-i", verb, "secrets", account)
    except Refused:
        return True  # kubectl says no, and ends with 1
    return said.strip() == "no"
