"""The API server of the cluster under test: what it says of an ExchangeCollector."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import yaml
from kubernetes import client, config

from tests.specs import definition

GROUP, VERSION, PLURAL = "metdc.io", "v1alpha1", "exchangecollectors"
NAMESPACE = "default"
_MANAGER = "metdc-tests"
_UNKNOWN = re.compile(r'unknown field "([^"]+)"')
# The server's own remark that it asked no rule, since the shape is wrong.
_REMARK = "some validation rules were not checked"


@dataclass(frozen=True)
class Refusal:
    """One thing that the server finds wrong: the field, and its words."""

    field: str
    message: str


class Refused(Exception):
    """The server refuses a resource."""

    def __init__(self, problems: list[Refusal]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{each.field}: {each.message}" for each in problems))


class Server:
    """ExchangeCollectors as the API server sees them.

    Raises:
        RuntimeError: without ``KUBECONFIG``, since a test that runs nowhere proves nothing.
    """

    def __init__(self) -> None:
        if not os.environ.get("KUBECONFIG"):
            raise RuntimeError("KUBECONFIG names no cluster: set it to a test cluster's file")
        # Untyped, since custom objects are: the client's own types know no more of them than `object`.
        connect: Any = config.new_client_from_config
        self._client: Any = connect(config_file=os.environ["KUBECONFIG"])
        self._objects: Any = client.CustomObjectsApi(self._client)
        self._definitions: Any = client.ApiextensionsV1Api(self._client)

    def install(self) -> None:
        """Apply the definition, and wait until the server serves it."""
        body = yaml.safe_load(definition.FILE.read_text(encoding="utf-8"))
        name = body["metadata"]["name"]
        apply = "application/apply-patch+yaml"
        self._definitions.patch_custom_resource_definition(
            name, body, field_manager=_MANAGER, force=True, _content_type=apply
        )
        deadline = time.monotonic() + 30
        while not self._serves(name):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not served within 30 s")
            time.sleep(0.1)

    def _serves(self, name: str) -> bool:
        found = self._definitions.read_custom_resource_definition(name)
        conditions = {each.type: each.status for each in found.status.conditions or ()}
        return conditions.get("Established") == "True" and conditions.get("NonStructuralSchema") != "True"

    def judged(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """What a new resource would be stored as.

        Raises:
            Refused: with everything that is wrong.
        """
        return self._create(manifest, dry_run="All")

    @contextmanager
    def stored(self, spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A resource that is stored for a while."""
        head = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "ExchangeCollector"}
        made = self._create(head | {"metadata": {"name": f"specs-{uuid4().hex[:8]}"}, "spec": spec})
        try:
            yield made
        finally:
            self._objects.delete_namespaced_custom_object(GROUP, VERSION, NAMESPACE, PLURAL, made["metadata"]["name"])

    def updated(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """What a stored resource would become.

        Raises:
            Refused: with everything that is wrong.
        """
        with _telling():
            found: dict[str, Any] = self._objects.replace_namespaced_custom_object(
                *self._place(manifest), manifest, dry_run="All", field_validation="Strict"
            )
        return found

    def with_status(self, manifest: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
        """The resource once its status is written.

        Raises:
            Refused: when the status is not as the definition says.
        """
        with _telling():
            found: dict[str, Any] = self._objects.replace_namespaced_custom_object_status(
                *self._place(manifest), manifest | {"status": status}, field_validation="Strict"
            )
        return found

    def table(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The resource as ``kubectl get -o wide`` gets it."""
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/{PLURAL}/{manifest['metadata']['name']}"
        header = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
        response = self._client.call_api(
            *self._client.param_serialize("GET", path, header_params=header, auth_settings=["BearerToken"])
        )
        found: dict[str, Any] = json.loads(response.read())
        return found

    def _create(self, manifest: dict[str, Any], **options: str) -> dict[str, Any]:
        with _telling():
            made: dict[str, Any] = self._objects.create_namespaced_custom_object(
                GROUP, VERSION, NAMESPACE, PLURAL, manifest, field_validation="Strict", **options
            )
        return made

    @staticmethod
    def _place(manifest: dict[str, Any]) -> tuple[str, ...]:
        return GROUP, VERSION, NAMESPACE, PLURAL, manifest["metadata"]["name"]


@contextmanager
def _telling() -> Iterator[None]:
    """Turn a refusal of the server into :class:`Refused`; whatever else it answers is an error of the test."""
    try:
        yield
    except client.ApiException as error:
        if error.status not in {400, 422}:
            raise
        answer = json.loads(error.body or "{}")
        causes = answer.get("details", {}).get("causes") or []
        told = [Refusal(each["field"], each["message"]) for each in causes if _REMARK not in each["message"]]
        told += [Refusal(field, answer["message"]) for field in _UNKNOWN.findall(answer["message"])]
        if not told:
            raise
        raise Refused(told) from None
