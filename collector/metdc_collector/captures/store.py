"""The bucket of captures: an object store of JetStream with one folder a capture, which its metadata makes whole.

A folder is complete while each file has the digest that ``metadata.json`` gives it; that is put last.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import nats.errors
import nats.js.errors
import orjson
from nats.js import JetStreamContext
from nats.js.api import ObjectStoreConfig, StorageType
from nats.js.object_store import ObjectStore

from metdc_collector.captures.folder import METADATA

BUCKET = "metdc_captures"
KEPT = 90 * 86_400.0
"""Seconds after which a file is gone, as the events are that tell what it lacks."""
MAX_BYTES = 512 * 1024**2
"""What the bucket holds; the server reserves it."""
_CONFIG = ObjectStoreConfig(
    description="METDC: captures of listings", ttl=KEPT, max_bytes=MAX_BYTES, storage=StorageType.FILE
)
_PATIENCE = 60.0
T = TypeVar("T")


class StoreFailed(Exception):
    """The bucket could not be written or read; the text says why."""


class NoSuchCapture(Exception):
    """There is no capture of that name; the text names it."""


class Store:
    """The bucket, through one connection; it is made when first written to."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js

    async def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """Put a capture's folder, in place of an earlier one of that name; its metadata last.

        Raises:
            StoreFailed: when the server doesn't take all of it.
        """
        await _told(self._put(name, files))

    async def captures(self) -> list[dict[str, Any]]:
        """Return the metadata of all captures, by name.

        Raises:
            StoreFailed: when they can't be read.
        """
        return await _told(self._captures())

    async def metadata(self, name: str) -> dict[str, Any]:
        """Return the metadata of a capture.

        Raises:
            NoSuchCapture: when there is none of that name.
            StoreFailed: when it can't be read.
        """
        return await _told(self._metadata(name))

    async def read(self, name: str, file: str) -> bytes:
        """Return one file of a capture.

        Raises:
            NoSuchCapture: when there is none.
            StoreFailed: when it can't be read.
        """
        return await _told(self._read(name, file))

    async def files(self, name: str) -> dict[str, bytes]:
        """Return all files of a capture.

        Raises:
            NoSuchCapture: when there is none of that name.
            StoreFailed: when they can't be read, or are of several captures: it is being made anew.
        """
        return await _told(self._files(name))

    async def _put(self, name: str, files: Mapping[str, bytes]) -> None:
        bucket = await self._bucket(create=True)
        try:
            earlier = {one["name"] for one in (await self._metadata(name))["files"]}
        except NoSuchCapture:
            earlier = set()
        for file, data in files.items():
            await bucket.put(f"{name}/{file}", data)
        for file in earlier - files.keys():
            await bucket.delete(f"{name}/{file}")

    async def _captures(self) -> list[dict[str, Any]]:
        try:
            objects = await (await self._bucket()).list()
        except (NoSuchCapture, nats.js.errors.NotFoundError):
            return []
        names = [one.name.removesuffix(f"/{METADATA}") for one in objects if not one.deleted and _is_metadata(one.name)]
        return [await self._metadata(name) for name in sorted(names)]

    async def _metadata(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(await self._read(name, METADATA))
        return found

    async def _read(self, name: str, file: str) -> bytes:
        bucket = await self._bucket()
        try:
            return bytes((await bucket.get(f"{name}/{file}")).data or b"")
        except nats.js.errors.NotFoundError:
            raise NoSuchCapture(f"there is no capture {name} with a file {file}") from None

    async def _files(self, name: str) -> dict[str, bytes]:
        metadata = await self._read(name, METADATA)
        found: dict[str, bytes] = {}
        for told in orjson.loads(metadata)["files"]:
            data = await self._read(name, told["name"])
            if hashlib.sha256(data).hexdigest() != told["sha256"]:
                raise StoreFailed(f"{name} is being made anew: try again")
            found[told["name"]] = data
        return found | {METADATA: metadata}

    async def _bucket(self, *, create: bool = False) -> ObjectStore:
        try:
            return await self._js.object_store(BUCKET)
        except nats.js.errors.BucketNotFoundError:
            if not create:
                raise NoSuchCapture(f"there is no capture yet: the bucket {BUCKET} does not exist") from None
            return await self._js.create_object_store(BUCKET, _CONFIG)


def _is_metadata(name: str) -> bool:
    return name.endswith(f"/{METADATA}")


async def _told(work: Awaitable[T]) -> T:
    """Return what the bucket answers.

    Raises:
        StoreFailed: when it doesn't.
    """
    try:
        return await asyncio.wait_for(work, _PATIENCE)
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
        raise StoreFailed(f"bucket {BUCKET}: {error or type(error).__name__}") from error
