"""The key-value bucket of proofs: this pod's own, and those of the market's other pods, alive or not."""

import logging
from collections.abc import Sequence

from nats.js.api import KeyValueConfig

from metdc_collector.backfill.proof import Proof, decode, encode
from metdc_collector.clock import Clock
from metdc_collector.publisher.bucket import Bucket, BucketFailed
from metdc_collector.publisher.link import Link
from metdc_collector.wire.config import PodConfig

log = logging.getLogger(__name__)
BUCKET = "metdc_proofs"
# A weekend's outage, and a day more.
_KEPT = 4 * 86_400.0
_MILLISECOND = 1_000_000
_FRESH = 500_000_000
# A pod that has told nothing for so long is gone, and what it has proven is older than what this one has.
_OLD = 600_000_000_000


class Proofs:
    """Puts and reads proofs through one connection to NATS.

    Attributes:
        pod: whose proofs these are. A container that is started again in its pod has the same name, and is another.
    """

    def __init__(self, link: Link, config: PodConfig, clock: Clock, *, replicas: int, create: bool) -> None:
        """A bucket that isn't there is created when ``create`` says so."""
        kept = KeyValueConfig(bucket=BUCKET, history=1, ttl=_KEPT, replicas=replicas)
        self._bucket = Bucket(link, kept, create=create)
        self._market = f"{config.namespace}.{config.name}.{config.market}.{config.shard}"
        self.pod = f"{config.pod}-{clock.now() // _MILLISECOND}"
        self._clock = clock
        self._read = 0
        self._others: list[Proof] | None = None
        self._tidied = False

    async def put(self, proof: Proof) -> bool:
        """Put this pod's proof; whether the server has acknowledged it."""
        try:
            await self._bucket.put(f"{self._market}.{self.pod}", encode(proof))
            if not self._tidied and not proof.exceptions:
                self._tidied = True
                await self._tidy(proof)
        except BucketFailed as error:
            log.debug("proof: %s", error)
            return False
        return True

    async def others(self) -> Sequence[Proof] | None:
        """Return the proofs of the market's other pods, not older than half a second; null when they can't be read."""
        now = self._clock.now()
        if now - self._read < _FRESH:
            return self._others
        try:
            values = await self._bucket.read(f"{self._market}.>")
        except BucketFailed as error:
            log.debug("proofs: %s", error)  # before anybody's first there is no bucket
            self._read, self._others = now, None
            return None
        proofs = [proof for value in values if (proof := decode(value)) is not None]
        self._others = [proof for proof in proofs if proof.pod != self.pod]
        self._read = now
        return self._others

    async def _tidy(self, mine: Proof) -> None:
        """Take out what this pod's own proof replaces."""
        for proof in await self.others() or ():
            if mine.at - proof.at > _OLD and mine.since > proof.at:
                await self._bucket.forget(f"{self._market}.{proof.pod}")
