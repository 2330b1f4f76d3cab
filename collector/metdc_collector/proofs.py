"""The key-value bucket of proofs: this pod's own, and those of the market's other pods, alive or not."""

import logging
from collections.abc import Sequence

from nats.js.api import KeyValueConfig

from metdc_collector.backfill.proof import Names, Proof, decode, encode, encode_names
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
_SILENT = 60_000_000_000
# Names are put anew so often, that they outlive the process as long as its proof does.
_AGAIN = 3_600_000_000_000


class Proofs:
    """Puts and reads proofs through one connection to NATS.

    Attributes:
        pod: whose proofs these are. A container that is started again in its pod has the same name, and is another.
    """

    def __init__(
        self, link: Link, config: PodConfig, clock: Clock, *, exchange: str, replicas: int, create: bool
    ) -> None:
        """A bucket that isn't there is created when ``create`` says so."""
        kept = KeyValueConfig(bucket=BUCKET, history=1, ttl=_KEPT, replicas=replicas)
        self._bucket = Bucket(link, kept, create=create)
        # Instruments move between the shards of a market when their number changes.
        self._all = f"{config.namespace}.{config.name}.{config.market}"
        self._shard = f"{self._all}.{config.shard}"
        self._exchange, self._market = exchange, config.market
        self.pod = f"{config.pod}-{clock.now() // _MILLISECOND}"
        self._clock = clock
        self._read = 0
        self._others: list[Proof] | None = None
        self._tidied = False
        self._named: frozenset[str] = frozenset()
        self._named_at = 0

    async def put(self, proof: Proof) -> bool:
        """Put this pod's proof; whether the server has acknowledged it."""
        key, now = f"{self._shard}.{self.pod}", self._clock.now()
        try:
            if proof.names != self._named or now - self._named_at > _AGAIN:
                await self._bucket.put(f"{key}.names", encode_names(self.names(proof)))
                self._named, self._named_at = proof.names, now
            await self._bucket.put(key, encode(proof))
            if not self._tidied and not proof.exceptions:
                self._tidied = True
                await self._tidy(proof)
        except BucketFailed as error:
            log.debug("proof: %s", error)
            return False
        return True

    def names(self, proof: Proof) -> Names:
        """Return the record of the instruments that this pod's proof is of."""
        return Names(proof.pod, self._exchange, self._market, proof.names)

    async def others(self) -> Sequence[Proof] | None:
        """Return the proofs of the market's other pods, not older than half a second; null when they can't be read."""
        now = self._clock.now()
        if now - self._read < _FRESH:
            return self._others
        try:
            proofs, _ = decode(await self._bucket.read(f"{self._all}.>"))
        except BucketFailed as error:
            log.debug("proofs: %s", error)  # before anybody's first there is no bucket
            self._read, self._others = now, None
            return None
        self._others = [proof for proof in proofs if proof.pod != self.pod]
        self._read = now
        return self._others

    async def collected(self) -> frozenset[str] | None:
        """Return the instruments of the exchange's market that other processes collect; null when it can't be read.

        Of this resource those count that live, of others all that have left a proof: they may only be paused.
        """
        try:
            proofs, _ = decode(await self._bucket.read(f"{self._all}.>"))
            _, names = decode(await self._bucket.read(">"))
        except BucketFailed as error:
            log.debug("proofs: %s", error)
            return None
        silent = self._clock.now() - _SILENT
        gone = {self.pod, *(proof.pod for proof in proofs if proof.told < silent)}
        market = self._exchange, self._market
        others = [each.names for each in names if each.pod not in gone and (each.exchange, each.market) == market]
        return frozenset().union(*others)

    async def _tidy(self, mine: Proof) -> None:
        """Take out what this pod's own proof replaces."""
        proofs, _ = decode(await self._bucket.read(f"{self._shard}.>"))
        for proof in proofs:
            if mine.at - proof.at > _OLD and mine.since > proof.at and proof.names <= mine.names:
                await self._bucket.forget(f"{self._shard}.{proof.pod}")
                await self._bucket.forget(f"{self._shard}.{proof.pod}.names")
