"""Orders to capture what was traded around a listing: one ListingCapture an event, made through the API of the cluster.

The pod's account may create these and nothing else. A name follows from the event alone, so that whoever restarts, or
runs beside us, orders no capture twice. While the API does not take an order it is kept and tried again; what was
stored shortly before a start is ordered again, in case the process before could not.
"""

import asyncio
import contextlib
import json
import logging
import re
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import urllib3

from metdc_collector.settings import InvalidSettings
from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.listing import Listing

log = logging.getLogger(__name__)
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""What Kubernetes gives to a pod: the files token, ca.crt and namespace."""
FRESH = 900 * SECOND
"""An event that was seen so shortly before the start is ordered again."""
AGAIN = 5.0
"""Seconds until an order that the API did not take is tried again."""
_TIMEOUT = 10.0
_MADE = frozenset({200, 201, 202})
_TAKEN = 409
_UNPROCESSABLE = frozenset({400, 422})


class OrderFailed(Exception):
    """The API did not take an order; ``final`` where it never will."""

    def __init__(self, text: str, *, final: bool = False) -> None:
        self.final = final
        super().__init__(text)


class Api(Protocol):
    """Takes orders."""

    def create(self, manifest: Mapping[str, Any]) -> bool:
        """Make a ListingCapture; return whether it was made, and not there before.

        Raises:
            OrderFailed: when it can't be made.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cluster:
    """The API of the cluster that the pod runs in.

    Attributes:
        url: base address.
        namespace: where captures are made.
        folder: with ``token``, which is read for each order since it is renewed, and ``ca.crt``.
    """

    url: str
    namespace: str
    folder: Path

    @classmethod
    def of(cls, environment: Mapping[str, str], folder: Path = ACCOUNT) -> "Cluster":
        """Take what Kubernetes tells a pod.

        Raises:
            InvalidSettings: when this is no pod that has an account.
        """
        host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
        try:
            namespace = (folder / "namespace").read_text().strip()
        except OSError:
            namespace = ""
        if not host or not namespace:
            raise InvalidSettings(
                f"--create-captures wants a pod with an account: {folder} or its variables are missing"
            )
        return cls(f"https://{f'[{host}]' if ':' in host else host}:{port}", namespace, folder)

    def create(self, manifest: Mapping[str, Any]) -> bool:
        """Make a ListingCapture; return whether it was made, and not there before.

        Raises:
            OrderFailed: when it can't be made.
        """
        path = f"/apis/metdc.io/v1alpha1/namespaces/{self.namespace}/listingcaptures"
        try:
            token = (self.folder / "token").read_text().strip()
            with urllib3.PoolManager(ssl_context=self._trust(), retries=False, timeout=_TIMEOUT) as pool:
                reply = pool.request(
                    "POST",
                    self.url + path,
                    body=json.dumps(manifest),
                    headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                )
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise OrderFailed(f"the API at {self.url}: {error or type(error).__name__}") from None
        if reply.status in _MADE or reply.status == _TAKEN:
            return reply.status != _TAKEN
        raise OrderFailed(_refusal(reply.status, reply.data), final=reply.status in _UNPROCESSABLE)

    def _trust(self) -> ssl.SSLContext | None:
        if self.url.startswith("http://"):
            return None
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        # Authorities of many a cluster don't meet RFC 5280 by the letter; the chain and the name are verified as ever.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _refusal(status: int, data: bytes) -> str:
    message = ""
    with contextlib.suppress(ValueError, AttributeError):
        message = json.loads(data).get("message", "")
    return f"the API refuses a capture: {status} {message}".strip()


def name_of(event: Listing) -> str:
    """Return the name of an event's capture: ``somi-20261127t020000z``, a DNS label of at most 50 characters."""
    plain = re.sub(r"[^a-z0-9]+", "-", event.base.lower()).strip("-")[:24].strip("-")
    if plain != event.base.lower():  # others may come out alike
        digest = blake2b(event.base.encode(), digest_size=3).hexdigest()
        plain = f"{plain}-{digest}" if plain else digest
    seconds = datetime.fromtimestamp(event.moment // SECOND, UTC)
    return f"{plain}-{seconds:%Y%m%dt%H%M%Sz}"


def manifest(event: Listing, *, before: str, after: str) -> dict[str, Any]:
    """Return the ListingCapture of an event, around its announcement; without one around when it was first seen."""
    moment = event.moment
    whole = datetime.fromtimestamp(moment // SECOND, UTC)
    rest = moment % SECOND // 1_000_000
    return {
        "apiVersion": "metdc.io/v1alpha1",
        "kind": "ListingCapture",
        "metadata": {
            "name": name_of(event),
            "labels": {"app.kubernetes.io/managed-by": "metdc-listings", "metdc.io/listing": event.exchange},
        },
        "spec": {
            "base": event.base,
            "at": f"{whole:%Y-%m-%dT%H:%M:%S}" + (f".{rest:03d}Z" if rest else "Z"),
            "before": before,
            "after": after,
        },
    }


class Orders:
    """Orders captures, one after the other.

    Attributes:
        made: captures that were ordered, and not there before.
        problem: why one waits, in words; null while none does.
    """

    def __init__(self, api: Api, *, before: str, after: str, again: float = AGAIN) -> None:
        """``before`` and ``after`` are durations as in a ListingCapture, ``again`` is in seconds."""
        self.made = 0
        self.problem: str | None = None
        self._api = api
        self._make: Callable[[Listing], dict[str, Any]] = lambda event: manifest(event, before=before, after=after)
        self._again = again
        self._waiting: deque[Listing] = deque()
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many are not ordered yet."""
        return len(self._waiting)

    def take(self, event: Listing) -> None:
        """Order the capture of an event."""
        self._waiting.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Order what waits, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if await self._order(self._waiting[0]):
                    self._waiting.popleft()
                else:
                    await asyncio.sleep(self._again)

    async def _order(self, event: Listing) -> bool:
        """Order one; return whether it is done with."""
        name = name_of(event)
        try:
            made = await asyncio.to_thread(self._api.create, self._make(event))
        except OrderFailed as error:
            if error.final:
                log.warning("no capture of %s: %s", event.base, error)
            elif str(error) != self.problem:
                log.warning("captures wait: %s; the attempts go on", error)
            self.problem = None if error.final else str(error)
            return error.final
        self.problem = None
        self.made += made
        log.info("capture %s %s", name, "ordered" if made else "was ordered before")
        return True
