"""Streams on a server: ``Ensure`` and ``Observe`` of :mod:`metdc_collector.wire.streams`, carried out."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import nats.errors
import orjson
from nats.aio.client import Client

from metdc_collector.wire.streams import Comparison, StreamSpec, compare, desired

log = logging.getLogger(__name__)
_PATIENCE = 10.0
_NOT_FOUND = 10059
_IN_USE = 10058
_OVERLAP = 10065
_NO_SPACE = (10023, 10047)


class StreamUnavailable(Exception):
    """The stream can't take trades; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream as it is.

    Attributes:
        config: the server's own JSON object.
        disagreements: what differs from the specification and stays so, in words.
        first: when its oldest message was stored, where older ones were discarded (ns since the epoch), else 0.
        bytes: what it held when it was looked at.
    """

    config: Mapping[str, Any]
    disagreements: tuple[str, ...]
    first: int
    bytes: int = 0

    @property
    def max_bytes(self) -> int | None:
        """What it may hold; null where that is not limited."""
        most = int(self.config.get("max_bytes") or -1)
        return most if most > 0 else None

    @property
    def duplicate_window(self) -> int:
        """In ns: how far back the server knows message ids."""
        return int(self.config.get("duplicate_window") or 0)

    def horizon_at(self, now: int) -> int:
        """Return since when (ns) it surely holds all that was stored; what is older may have been discarded."""
        max_age = int(self.config.get("max_age") or 0)
        return max(self.first, now - max_age if max_age else 0)


class _ApiError(Exception):
    def __init__(self, code: int, description: str) -> None:
        self.code = code
        super().__init__(f"{description} ({code})")


class Streams:
    """The streams of one JetStream account."""

    def __init__(self, client: Client, *, api: str) -> None:
        self._client = client
        self._api = api

    async def manage(self, spec: StreamSpec) -> StreamState:
        """Bring a stream as close to its specification as its management allows.

        Raises:
            StreamUnavailable: when it isn't there, or would not store each trade once.
        """
        try:
            info = await self._info(spec)
            comparison = compare(spec, info["config"])
            if comparison.update is not None:
                info, comparison = await self._update(spec, info, comparison)
        except _ApiError as error:
            raise StreamUnavailable(await self._explain(spec, error)) from error
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise StreamUnavailable(f"stream {spec.name}: JetStream does not answer: {_words(error)}") from error
        if comparison.fatal:
            raise StreamUnavailable(
                f"stream {spec.name}: {'; '.join(comparison.fatal)}; management is {spec.management}"
            )
        return StreamState(info["config"], tuple(comparison.disagreements), _first(info), info["state"]["bytes"])

    async def size(self, name: str) -> int | None:
        """Return how many bytes a stream holds; null where that is not answered."""
        try:
            return int((await self._request(f"STREAM.INFO.{name}", {}))["state"]["bytes"])
        except (_ApiError, TimeoutError, nats.errors.Error, OSError) as error:
            log.debug("stream %s: %s", name, _words(error))
            return None

    async def _update(
        self, spec: StreamSpec, info: dict[str, Any], comparison: Comparison
    ) -> tuple[dict[str, Any], Comparison]:
        """Change a stream; where the server refuses and trades can be stored all the same, leave it and say so."""
        assert comparison.update is not None, "asked for only with a change"
        log.info("updating stream %s: %s", spec.name, _changes(info["config"], comparison.update))
        try:
            return await self._request(f"STREAM.UPDATE.{spec.name}", comparison.update), comparison
        except _ApiError as error:
            unchanged = compare(replace(spec, management="Observe"), info["config"])
            if unchanged.fatal:
                raise
            reason = f"the server refuses to change it: {error}"
            return info, replace(unchanged, disagreements=[*unchanged.disagreements, reason])

    async def _info(self, spec: StreamSpec) -> dict[str, Any]:
        try:
            return await self._request(f"STREAM.INFO.{spec.name}", {})
        except _ApiError as error:
            if error.code != _NOT_FOUND or spec.management == "Observe":
                raise
        try:
            created = await self._request(f"STREAM.CREATE.{spec.name}", desired(spec))
        except _ApiError as error:
            if error.code != _IN_USE:
                raise
            return await self._request(f"STREAM.INFO.{spec.name}", {})  # another collector was quicker
        log.info("created stream %s on %s", spec.name, ", ".join(spec.subjects))
        return created

    async def _explain(self, spec: StreamSpec, error: _ApiError) -> str:
        if error.code == _NOT_FOUND:
            return f"stream {spec.name} does not exist and its management is Observe: create it, or set Ensure"
        if error.code == _OVERLAP:
            others = sorted({name for subject in spec.subjects for name in await self._names(subject)} - {spec.name})
            return (
                f"stream {spec.name} can't have {', '.join(spec.subjects)}: these overlap subjects of stream "
                f"{', '.join(others) or 'of another'}; take them from it, or name it in spec.nats.stream.name"
            )
        if error.code in _NO_SPACE:
            return (
                f"stream {spec.name} would reserve {spec.max_bytes} bytes, more than the server has: {error}; "
                "lower spec.nats.stream.maxBytes"
            )
        return f"stream {spec.name}: {error}"

    async def _names(self, subject: str) -> list[str]:
        try:
            reply = await self._request("STREAM.NAMES", {"subject": subject})
        except (_ApiError, TimeoutError, nats.errors.Error):
            return []
        return reply.get("streams") or []

    async def _request(self, verb: str, body: Mapping[str, Any]) -> dict[str, Any]:
        reply = await self._client.request(f"{self._api}.{verb}", orjson.dumps(body), timeout=_PATIENCE)
        answer: dict[str, Any] = orjson.loads(reply.data)
        if (error := answer.get("error")) is not None:
            raise _ApiError(error.get("err_code", error.get("code", 0)), error.get("description", "error"))
        return answer


def _first(info: Mapping[str, Any]) -> int:
    state = info["state"]
    return _nanoseconds(state["first_ts"]) if state.get("first_seq", 0) > 1 else 0


def _nanoseconds(text: str) -> int:
    """Return an RFC 3339 time of the server, with up to nine digits of fraction, in ns since the epoch."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(f"{seconds}+00:00").timestamp())
    return whole * 1_000_000_000 + int((fraction or "0").ljust(9, "0")[:9])


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    changed = [name for name in after if after[name] != before.get(name)]
    return ", ".join(f"{name} {before.get(name)!r} -> {after[name]!r}" for name in changed)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
