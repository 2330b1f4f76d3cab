"""The key-value bucket of health reports: this pod's own, and those of the other pods of its market."""

import logging
from collections.abc import Iterable

from nats.js.api import KeyValueConfig

from metdc_collector.publisher.bucket import Bucket, BucketFailed
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
        config = KeyValueConfig(bucket=BUCKET, history=1, ttl=_KEPT_INTERVALS * interval, replicas=replicas)
        self._bucket = Bucket(link, config, create=create)

    async def put(self, report: Report) -> None:
        """Put a report, acknowledged by the server.

        Raises:
            ReportFailed: when it isn't.
        """
        try:
            await self._bucket.put(report.key, encode(report))
        except BucketFailed as error:
            raise ReportFailed(f"health report: {error}") from error

    async def market(self, report: Report) -> list[Report]:
        """Return the newest report of each of the market's pods, this one and those that said farewell included.

        Raises:
            ReportFailed: when they can't be read.
        """
        try:
            messages = await self._bucket.read(f"{report.namespace}.{report.collector}.{report.market}.>")
        except BucketFailed as error:
            raise ReportFailed(f"peers: {error}") from error
        found: list[Report] = []
        for message in messages:
            try:
                found.append(decode(message))
            except InvalidMessage as error:
                log.debug("a peer's report cannot be read: %s", error)
        return found


def living(found: Iterable[Report], report: Report) -> list[Report]:
    """Return those of other pods that have not said farewell."""
    return [peer for peer in found if peer.key != report.key and peer.state != "stopped"]
