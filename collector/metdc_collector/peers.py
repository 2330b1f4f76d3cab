"""The key-value bucket of health reports: this pod's own, and those of the other pods of its market."""

import logging

import nats.errors
import nats.js.errors
from nats.js.api import KeyValueConfig

from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.link import Link
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.report import Report, decode, encode

log = logging.getLogger(__name__)
BUCKET = "metdc_health"
_KEPT_INTERVALS = 3


class ReportFailed(Exception):
    """A report could not be put or read; the text says why."""


class Peers:
    """Puts and reads reports through one connection to NATS."""

    def __init__(self, link: Link, *, interval: float, replicas: int, create: bool) -> None:
        """``interval`` of reports in seconds: three of them without a report, and the server forgets a pod.

        A bucket that isn't there is created when ``create`` says so.
        """
        self._create = create
        self._link = link
        self._config = KeyValueConfig(bucket=BUCKET, history=1, ttl=_KEPT_INTERVALS * interval, replicas=replicas)
        self._ensured = False

    async def put(self, report: Report) -> None:
        """Put a report, acknowledged by the server.

        Raises:
            ReportFailed: when it isn't.
        """
        domain = self._link.settings.domain
        js = self._link.client.jetstream(**({"domain": domain} if domain else {}))
        try:
            if not self._ensured:
                try:
                    await js.key_value(BUCKET)
                except nats.js.errors.BucketNotFoundError as error:
                    if not self._create:
                        raise ReportFailed(f"bucket {BUCKET} does not exist and management is Observe") from error
                    await js.create_key_value(self._config)
                self._ensured = True
            await js.publish(f"$KV.{BUCKET}.{report.key}", encode(report), timeout=5)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            self._ensured = False
            raise ReportFailed(f"health report: {error or type(error).__name__}") from error

    async def others(self, report: Report) -> list[Report]:
        """Return the reports of the market's other pods that have not said farewell.

        Raises:
            ReportFailed: when they can't be read.
        """
        subject = f"$KV.{BUCKET}.{report.namespace}.{report.collector}.{report.market}.>"
        try:
            messages = await self._link.looks.newest_of(self._link.client, f"KV_{BUCKET}", [subject])
        except LookFailed as error:
            raise ReportFailed(f"peers: {error}") from error
        found: list[Report] = []
        for message in messages:
            try:
                peer = decode(message.data)
            except InvalidMessage as error:
                log.debug("a peer's report cannot be read: %s", error)
                continue
            if peer.key != report.key and peer.state != "stopped":
                found.append(peer)
        return found
