"""The connection to NATS: nats-py's, with defaults that suit a process that must never give up.

nats-py closes a connection for good after 60 attempts, and after an authorization error while reconnecting; it notices
a half-open link after four minutes. Here attempts never end, a closed client is replaced, and two pings of 10 s decide.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.nuid import NUID

from metdc_collector.clock import Timers
from metdc_collector.publisher.acks import Ack, Acknowledge, Answer, FastParser, read
from metdc_collector.publisher.direct import Looks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """``spec.nats``: where NATS is and how to be let in.

    Attributes:
        urls: ``nats://host:4222``, ``tls://…``.
        credentials: a folder with the Secret's keys as files: ``user.creds``, ``nkey.seed``, ``token``, or ``username``
            and ``password``; also ``ca.crt``, ``tls.crt`` and ``tls.key``. Null for none.
        handshake_first: TLS before the server's greeting.
        inbox_prefix: first tokens of reply subjects, where permissions demand it.
        domain: JetStream domain, null for the server's own.
    """

    urls: Sequence[str]
    credentials: Path | None = None
    handshake_first: bool = False
    inbox_prefix: str = "_INBOX"
    domain: str | None = None

    @property
    def api(self) -> str:
        """What JetStream's API subjects begin with."""
        return f"$JS.{self.domain}.API" if self.domain else "$JS.API"


def login(settings: NatsSettings) -> dict[str, Any]:
    """Return nats-py's options for credentials and TLS.

    Raises:
        OSError, ssl.SSLError: when a file cannot be read.
    """
    return {**_credentials(settings.credentials), **_tls(settings)}


def _credentials(folder: Path | None) -> dict[str, Any]:
    if folder is None:
        return {}
    if (folder / "user.creds").exists():
        return {"user_credentials": str(folder / "user.creds")}
    if (folder / "nkey.seed").exists():
        return {"nkeys_seed_str": (folder / "nkey.seed").read_text().strip()}
    if (folder / "token").exists():
        return {"token": (folder / "token").read_text().strip()}
    if (folder / "username").exists():
        texts = {"user": folder / "username", "password": folder / "password"}
        return {name: path.read_text().strip() for name, path in texts.items()}
    return {}


def _tls(settings: NatsSettings) -> dict[str, Any]:
    authority = certificate = None
    if settings.credentials is not None:
        authority, certificate = settings.credentials / "ca.crt", settings.credentials / "tls.crt"
        authority = authority if authority.exists() else None
        certificate = certificate if certificate.exists() else None
    if authority is None and certificate is None and not settings.handshake_first:
        return {}  # the library makes a context of its own where an address or the server asks for TLS
    context = ssl.create_default_context(cafile=authority)
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_name("tls.key"))
    return {"tls": context, "tls_handshake_first": settings.handshake_first}


class Link:
    """A connection to NATS that is kept for the life of the process."""

    def __init__(
        self,
        settings: NatsSettings,
        *,
        name: str,
        timers: Timers,
        acknowledge: Acknowledge,
        up: Callable[[], Awaitable[None]],
        down: Callable[[], None],
        keeps: str = "trades",
    ) -> None:
        """Call ``up`` whenever a connection stands, ``down`` when it is lost; hand over acknowledgements of trades.

        ``keeps`` says what waits while there is none.
        """
        self.settings = settings
        self.inbox = f"{settings.inbox_prefix}.{NUID().next().decode()}"
        self.looks = Looks(inbox=self.inbox, api=settings.api)
        self.client = Client()
        self.problem: str | None = "not connected yet"
        self._name = name
        self._keeps = keeps
        self._timers = timers
        self._acknowledge = acknowledge
        self._up = up
        self._down = down
        self._closed = asyncio.Event()
        self._said: set[str] = set()

    @property
    def connected(self) -> bool:
        """Whether bytes written now have a connection to go to."""
        return self.client.is_connected

    async def run(self) -> None:
        """Connect, and connect anew whenever the library has given up, until cancelled."""
        while True:
            self._closed.clear()
            self.client = Client()
            try:
                await self._connect()
                await self._closed.wait()
            except (OSError, nats.errors.Error) as error:
                self._say(str(error) or type(error).__name__)
            except (
                Exception
            ) as error:  # what is wrong with credentials is found by three libraries, each in its own way
                self._say(f"{type(error).__name__}: {error}; are the credentials whole?")
                await self.close()  # the library leaves its socket open then
            await asyncio.sleep(self._timers.nats_reconnect)

    async def close(self) -> None:
        """End the connection, if there is one."""
        client = self.client
        if client.is_connected or client.is_reconnecting or client.is_connecting:
            await client.close()

    def jetstream(self) -> JetStreamContext:
        """Return JetStream as the present client reaches it, in the configured domain."""
        domain = self.settings.domain
        return self.client.jetstream(**({"domain": domain} if domain else {}))

    def write(self, data: bytes) -> None:
        """Write protocol bytes to the socket, past the library's own buffer.

        That buffer survives a reconnect and is written before anything else then, which would store newer trades
        before older ones that were in flight.
        """
        self.client._transport.write(data)  # type: ignore[union-attr]  # noqa: SLF001 - see the docstring

    async def _connect(self) -> None:
        settings, client = self.settings, self.client

        async def established() -> None:
            self._say(None)
            await self._up()

        async def lost() -> None:
            self.looks.lost()
            self._down()

        async def closed() -> None:
            await lost()
            self._closed.set()

        async def failed(error: Exception) -> None:
            if not client.is_connected:
                self._say(str(error) or type(error).__name__)

        await client.connect(
            servers=list(settings.urls),
            name=self._name,
            error_cb=failed,
            disconnected_cb=lost,
            reconnected_cb=established,
            closed_cb=closed,
            connect_timeout=5,
            reconnect_time_wait=self._timers.nats_reconnect,  # type: ignore[arg-type]  # it sleeps for it: a float serves
            max_reconnect_attempts=-1,
            ping_interval=self._timers.nats_ping,  # type: ignore[arg-type]  # likewise
            max_outstanding_pings=2,
            inbox_prefix=settings.inbox_prefix,
            **login(settings),
        )
        client._ps = FastParser(  # noqa: SLF001 - nats-py offers no other place for a fast lane
            client, inbox=self.inbox, acknowledge=self._acknowledge, answer=self.looks.answer
        )
        await client.subscribe(f"{self.inbox}.*", cb=self._slow_acknowledgement)
        await client.subscribe(f"{self.inbox}.look.*", cb=self._slow_answer)
        await established()

    async def _slow_acknowledgement(self, message: Msg) -> None:
        """Take an answer that the fast lane leaves to the library: one with headers, such as 'no responders'."""
        number = message.subject.rpartition(".")[2].encode()
        ack = read(number, message.data)
        if message.headers and "Status" in message.headers:
            ack = Ack(int(number), duplicate=False, problem="no stream takes its subject, or the stream has no leader")
        self._acknowledge((), (ack,))

    async def _slow_answer(self, message: Msg) -> None:
        headers = message.headers or {}
        status = f"{headers.get('Status', '')} {headers.get('Description', '')}".strip()
        answer = Answer(
            status,
            headers.get("Nats-Subject", ""),
            headers.get("Nats-Sequence", ""),
            headers.get("Nats-Msg-Id", ""),
            message.data,
        )
        self.looks.answer(int(message.subject.rpartition(".")[2]), answer)

    def _say(self, problem: str | None) -> None:
        """Log each reason of an outage once, not each attempt: a server that refuses may be seen to reset as well."""
        before, self.problem = self.problem, problem
        addresses = ", ".join(without_password(url) for url in self.settings.urls)
        if problem is None:
            self._said.clear()
            if before is not None:
                log.info("connected to NATS at %s", addresses)
        elif problem not in self._said:
            self._said.add(problem)
            words = "NATS at %s cannot be reached: %s; %s are kept and the attempts go on"
            log.warning(words, addresses, problem, self._keeps)


def without_password(url: str) -> str:
    """Return an address as it may be shown: ``nats://user:secret@host:4222`` → ``nats://host:4222``."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
