"""Who acts: of several operators of one installation, the one that holds the Lease.

The holder renews it every third of its duration and stops acting by itself when it could not for two thirds, so that
it has stopped before another may begin. Times of others' clocks are not compared: a Lease is taken when it has not
changed for its duration by our own clock.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from metdc_operator.cluster.api import Api, ApiError

log = logging.getLogger(__name__)
DURATION = 15.0


class Lease:
    """One Lease of coordination.k8s.io; ``clock`` is monotonic, in seconds."""

    def __init__(
        self,
        api: Api,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float],
        duration: float = DURATION,
    ) -> None:
        self._api = api
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self.identity = identity
        self._clock = clock
        self._duration = duration
        self._until = 0.0
        self._seen: tuple[str, float] = ("", 0.0)
        self._holder = ""

    @property
    def held(self) -> bool:
        """Whether this operator may act, now."""
        return self._clock() < self._until

    @property
    def holder(self) -> str:
        """Who holds the Lease as far as is known; empty for nobody."""
        return self._holder

    async def keep(self, changed: Callable[[], None]) -> None:
        """Take the Lease when it is free and renew it, for ever; ``changed`` is called when it was taken or lost."""
        while True:
            before = self.held
            try:
                await self.turn()
            except ApiError as error:
                log.warning("the lease could not be renewed: %s", error)
            if self.held != before:
                log.info("lease %s: %s", self._name, "held" if self.held else f"held by {self._holder or 'nobody'}")
                changed()
            await asyncio.sleep(self._duration / 3)

    async def release(self) -> None:
        """Let another operator begin at once."""
        if not self.held:
            return
        self._until = 0.0
        try:
            found = await self._api.request("GET", f"{self._collection}/{self._name}")
            if found["spec"].get("holderIdentity") == self.identity:
                await self._write(found, holder="")
        except ApiError as error:
            log.warning("the lease could not be given back: %s", error)

    async def turn(self) -> None:
        """Take it when it is free, renew it when it is held.

        Raises:
            ApiError: when the API server refuses, or another was quicker.
        """
        asked = self._clock()
        try:
            found = await self._api.request("GET", f"{self._collection}/{self._name}")
        except ApiError as error:
            if error.status != 404:
                raise
            await self._api.request("POST", self._collection, body=self._body({}, self.identity))
            self._hold(asked)
            return
        self._holder = found["spec"].get("holderIdentity", "")
        version = found["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, asked)
        expired = asked - self._seen[1] > self._duration
        if self._holder in {self.identity, ""} or expired:
            written = await self._write(found, holder=self.identity)
            self._seen = (written["metadata"]["resourceVersion"], asked)
            self._hold(asked)
        else:
            self._until = 0.0

    def _hold(self, asked: float) -> None:
        self._holder = self.identity
        self._until = asked + self._duration * 2 / 3

    async def _write(self, found: Mapping[str, Any], *, holder: str) -> dict[str, Any]:
        """Write over exactly the version that was found; somebody quicker makes it fail."""
        body = self._body(found, holder)
        return await self._api.request("PUT", f"{self._collection}/{self._name}", body=body)

    def _body(self, found: Mapping[str, Any], holder: str) -> dict[str, Any]:
        spec = found.get("spec", {})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        anew = spec.get("holderIdentity") != holder
        metadata = {"name": self._name}
        if "metadata" in found:
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": max(1, int(self._duration)),
                "acquireTime": now if anew else spec.get("acquireTime", now),
                "renewTime": now,
                "leaseTransitions": spec.get("leaseTransitions", 0) + (1 if anew and holder and spec else 0),
            },
        }
