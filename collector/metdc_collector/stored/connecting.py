"""A connection to NATS for a tool that reads: it tells at once when there is none, and comes back when it is lost."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from metdc_collector.publisher.link import NatsSettings, login, without_password
from metdc_collector.stored.reading import JetStream, Reader, ReadError, Reading

_CONNECT_TIMEOUT = 10
_RESETS = 3


def nats_settings(urls: Sequence[str], credentials: Path | None) -> NatsSettings:
    """Return where NATS is, with what the environment says of it.

    ``NATS_INBOX_PREFIX`` and ``NATS_DOMAIN`` (of JetStream) are texts, ``NATS_HANDSHAKE_FIRST`` is ``true`` or not.
    """
    return NatsSettings(
        urls=urls,
        credentials=credentials,
        handshake_first=os.environ.get("NATS_HANDSHAKE_FIRST") == "true",
        inbox_prefix=os.environ.get("NATS_INBOX_PREFIX") or "_INBOX",
        domain=os.environ.get("NATS_DOMAIN") or None,
    )


def settings(urls: Sequence[str], credentials: Path | None) -> tuple[NatsSettings, dict[str, Any]]:
    """Return the settings and the library's options for credentials: a ``.creds`` file, or a folder of a Secret's keys.

    Raises:
        ReadError: when a file cannot be read.
    """
    folder = credentials if credentials is None or credentials.is_dir() else None
    made = nats_settings(urls, folder)
    if credentials is not None and folder is None:
        return made, {"user_credentials": str(credentials)}
    try:
        return made, login(made)
    except (OSError, ValueError) as error:
        raise ReadError(f"the credentials in {credentials} cannot be read: {error}") from None


@contextlib.contextmanager
def as_folder(credentials: Path | None) -> Iterator[Path | None]:
    """Give credentials as the folder that a pod's Secret would be; a single file becomes its ``user.creds``."""
    if credentials is None or not credentials.is_file():
        yield credentials  # a pod has no folder for temporary files
        return
    with tempfile.TemporaryDirectory(prefix="metdc-") as made:
        (Path(made) / "user.creds").symlink_to(credentials.resolve())
        yield Path(made)


class Connection:
    """A client, and the reader that uses it.

    Args:
        name: what the server calls it.

    Attributes:
        jetstream: requests through the client, from when the connection is open.
        library: the library's own, for object stores.
        reader: reads through it.
    """

    jetstream: JetStream
    library: JetStreamContext
    reader: Reader

    def __init__(self, reading: Reading, urls: tuple[str, ...], credentials: Path | None, *, name: str) -> None:
        self._reading = reading
        self._name = name
        self._settings, self._login = settings(urls, credentials)
        self._client = Client()
        self._problems: list[Exception] = []
        self._refused = asyncio.Event()
        self._connected = False

    async def open(self) -> None:
        """Connect, with one attempt for each server.

        Raises:
            ReadError: when none lets us in.
        """
        problem = await self._attempt()
        for _ in range(_RESETS):
            # A server that refuses a login says why and closes; our next bytes, on their way to it, can cost its words.
            if not isinstance(problem, ConnectionResetError | BrokenPipeError):
                break
            problem = await self._attempt()
        if problem is not None:
            addresses = ", ".join(without_password(url) for url in self._settings.urls)
            reason = str(problem) or type(problem).__name__
            raise ReadError(f"NATS at {addresses} cannot be reached: {reason}; see --nats and --creds")
        self._connected = True
        self.jetstream = JetStream(self._client, api=self._settings.api)
        self.library = self._client.jetstream(domain=self._settings.domain)
        self.reader = Reader(self.jetstream, self._reading)

    async def close(self) -> None:
        """End the connection."""
        self._connected = False
        await self._client.close()

    async def _attempt(self) -> Exception | None:
        """Try each server once, with a new client; return the last one's problem, null when connected."""
        self._client, self._problems = Client(), []
        self._refused.clear()
        attempt = asyncio.ensure_future(self._connect())
        watch = asyncio.ensure_future(self._refused.wait())
        await asyncio.wait({attempt, watch}, timeout=_CONNECT_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        watch.cancel()
        attempt.cancel()
        try:
            await attempt
        except (nats.errors.Error, OSError, ValueError) as error:
            return error
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):  # a socket that was reset says so once more
                await self._client.close()
            return self._problems[-1] if self._problems else TimeoutError("no answer")
        return None

    async def _connect(self) -> None:
        await self._client.connect(
            servers=list(self._settings.urls),
            name=self._name,
            inbox_prefix=self._settings.inbox_prefix,
            error_cb=self._failed,
            disconnected_cb=self._lost,
            reconnected_cb=self._back,
            closed_cb=self._closed,
            connect_timeout=5,
            reconnect_time_wait=1,
            max_reconnect_attempts=-1,
            ping_interval=10,
            **self._login,
        )

    async def _failed(self, error: Exception) -> None:
        self._problems.append(error)
        if len(self._problems) >= len(self._settings.urls):
            self._refused.set()

    async def _lost(self) -> None:
        if self._connected:
            self._reading.say("the connection to NATS is lost; trying again (Ctrl-C ends)")

    async def _back(self) -> None:
        if self._connected:
            self._reading.say("connected to NATS again")
            self.reader.reconnected()

    async def _closed(self) -> None:
        if self._connected:
            self.reader.ended("NATS has closed the connection for good; are the credentials still good?")
