"""A key-value bucket of JetStream: created where that is allowed, written with an acknowledgement, read at once.

Reading is by direct get, which nats-py leaves off in the buckets that it creates.
"""

import nats.errors
import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig

from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.link import Link


class BucketFailed(Exception):
    """The bucket could not be written or read; the text says why."""


class Bucket:
    """One bucket, through one connection to NATS."""

    def __init__(self, link: Link, config: KeyValueConfig, *, create: bool) -> None:
        """A bucket that isn't there is created when ``create`` says so."""
        self._link = link
        self._config = config
        self._create = create
        self._ensured = False

    async def make(self) -> None:
        """Create the bucket if it isn't there, so that what :meth:`read` doesn't find is not there.

        Raises:
            BucketFailed: when that cannot be told.
        """
        try:
            await self._ensure(self._link.jetstream())
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise BucketFailed(str(error) or type(error).__name__) from error

    async def put(self, key: str, value: bytes) -> None:
        """Put a value, acknowledged by the server.

        Raises:
            BucketFailed: when it isn't.
        """
        js = self._link.jetstream()
        try:
            await self._ensure(js)
            await js.publish(f"$KV.{self._config.bucket}.{key}", value, timeout=5)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            self._ensured = False
            raise BucketFailed(str(error) or type(error).__name__) from error

    async def forget(self, key: str) -> None:
        """Take a key out.

        Raises:
            BucketFailed: when the server doesn't acknowledge it.
        """
        js = self._link.jetstream()
        gone = {"KV-Operation": "PURGE", "Nats-Rollup": "sub"}
        try:
            await js.publish(f"$KV.{self._config.bucket}.{key}", b"", headers=gone, timeout=5)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise BucketFailed(str(error) or type(error).__name__) from error

    async def read(self, *keys: str) -> list[bytes]:
        """Return the newest value of each key that has one; a key may end in ``.>``.

        Raises:
            BucketFailed: when the server doesn't answer, or there is no such bucket.
        """
        bucket = self._config.bucket
        subjects = [f"$KV.{bucket}.{key}" for key in keys]
        try:
            answers = await self._link.looks.newest_of(self._link.client, f"KV_{bucket}", subjects)
        except LookFailed as error:
            raise BucketFailed(str(error)) from error
        return [answer.data for answer in answers if answer.data]  # what was taken out has left an empty message

    async def _ensure(self, js: JetStreamContext) -> None:
        if self._ensured:
            return
        try:
            config = (await js.stream_info(f"KV_{self._config.bucket}")).config
        except nats.js.errors.NotFoundError as error:
            if not self._create:
                raise BucketFailed(f"bucket {self._config.bucket} does not exist and management is Observe") from error
            await js.create_key_value(self._config.evolve(direct=True))
        else:
            if self._create and not config.allow_direct:
                await js.update_stream(config.evolve(allow_direct=True))
        self._ensured = True
