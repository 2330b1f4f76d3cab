"""The connection to NATS: who is let in and how, and what is said when nobody is."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from metdc_collector.clock import Timers
from metdc_collector.publisher.link import Link, NatsSettings, login
from metdc_collector.tasks import end

INFO = b'INFO {"server_id":"A","version":"2.11.0","max_payload":1048576,"headers":true,"nonce":"abc"}\r\n'
CREDENTIALS = "-----BEGIN NATS USER JWT-----\nabc\n------END NATS USER JWT------\n"


def folder(path: Path, **files: str) -> NatsSettings:
    for name, text in files.items():
        (path / name.replace("_", ".")).write_text(text)
    return NatsSettings(urls=("nats://127.0.0.1:1",), credentials=path)


# -- credentials


def test_without_a_folder_nothing_is_shown() -> None:
    assert login(NatsSettings(urls=())) == {}


def test_of_an_empty_folder_nothing_is_shown(tmp_path: Path) -> None:
    assert login(folder(tmp_path)) == {}


def test_a_file_of_credentials_comes_before_all_others(tmp_path: Path) -> None:
    given = login(folder(tmp_path, user_creds="x", nkey_seed="x", token="x", username="x", password="x"))
    assert given == {"user_credentials": str(tmp_path / "user.creds")}


def test_a_seed_comes_before_a_token(tmp_path: Path) -> None:
    assert login(folder(tmp_path, nkey_seed="SUA\n", token="x")) == {"nkeys_seed_str": "SUA"}


def test_a_token_comes_before_a_name(tmp_path: Path) -> None:
    assert login(folder(tmp_path, token="secret\n", username="x", password="x")) == {"token": "secret"}


def test_a_name_comes_with_its_password(tmp_path: Path) -> None:
    assert login(folder(tmp_path, username="me\n", password=" word \n")) == {"user": "me", "password": "word"}


def test_a_name_without_a_password_is_missed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="password"):
        login(folder(tmp_path, username="me"))


def test_a_handshake_before_the_greeting_needs_no_files() -> None:
    given = login(NatsSettings(urls=(), handshake_first=True))
    assert given["tls_handshake_first"] is True
    assert given["tls"].check_hostname


def test_an_authority_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"NO_CERTIFICATE|no certificate|PEM"):
        login(folder(tmp_path, ca_crt="nothing"))


def test_api_subjects_are_those_of_the_domain() -> None:
    assert NatsSettings(urls=()).api == "$JS.API"
    assert NatsSettings(urls=(), domain="hub").api == "$JS.hub.API"


# -- the connection


@contextlib.asynccontextmanager
async def serving(answer: Callable[[asyncio.StreamWriter, bytes], None]) -> AsyncIterator[str]:
    """A server that greets, and answers each line as told."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(INFO)
            while line := await reader.readline():
                answer(writer, line)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"nats://me:secret@{host}:{port}"
    finally:
        server.close()
        await server.wait_closed()


def pong(writer: asyncio.StreamWriter, line: bytes) -> None:
    if line.startswith(b"PING"):
        writer.write(b"PONG\r\n")


class Rig:
    def __init__(self, settings: NatsSettings) -> None:
        self.came = asyncio.Event()
        self.went = asyncio.Event()
        self.link = Link(
            settings,
            name="test",
            timers=Timers(nats_reconnect=0.01),
            acknowledge=lambda *_: None,
            up=self._up,
            down=self.went.set,
        )

    async def _up(self) -> None:
        self.came.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.link.run())
        try:
            async with asyncio.timeout(20):
                yield
        finally:
            await end([task])
            await self.link.close()

    async def until_told(self, part: str) -> str:
        """Wait for a problem that holds these words."""
        async with asyncio.timeout(10):
            while part not in (problem := self.link.problem or ""):  # noqa: ASYNC110 - it is looked at, not waited for
                await asyncio.sleep(0.01)
        return problem


async def test_a_connection_that_stands_is_told_without_a_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving(pong) as url:
        rig = Rig(NatsSettings(urls=(url,)))
        async with rig.running():
            await rig.came.wait()
            assert (rig.link.connected, rig.link.problem) == (True, None)
    assert any(text.startswith("connected to NATS at nats://127.0.0.1:") for text in caplog.messages)
    assert not any("secret" in text for text in caplog.messages)


async def test_a_connection_that_is_cut_comes_back() -> None:
    writers: list[asyncio.StreamWriter] = []

    def remember(writer: asyncio.StreamWriter, line: bytes) -> None:
        writers.append(writer)
        pong(writer, line)

    async with serving(remember) as url:
        rig = Rig(NatsSettings(urls=(url,)))
        async with rig.running():
            await rig.came.wait()
            rig.came.clear()
            writers[-1].transport.abort()
            await rig.went.wait()
            await rig.came.wait()
            assert rig.link.connected


async def test_nobody_there_is_said_once_and_tried_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(NatsSettings(urls=("nats://127.0.0.1:1",)))
    async with rig.running():
        await rig.until_told("127.0.0.1")
        await asyncio.sleep(0.1)
    said = [text for text in caplog.messages if "cannot be reached" in text]
    assert len(said) == len(set(said)) == 1
    assert "trades are kept and the attempts go on" in said[0]


@pytest.mark.parametrize("files", [{"nkey_seed": "garbage"}, {"user_creds": "garbage"}, {"user_creds": CREDENTIALS}])
async def test_credentials_that_are_damaged_are_told_and_tried_again(files: dict[str, str], tmp_path: Path) -> None:
    settings = folder(tmp_path, **files)

    def mend() -> None:
        for path in tmp_path.iterdir():
            path.unlink()

    async with serving(pong) as url:
        rig = Rig(NatsSettings(urls=(url,), credentials=settings.credentials))
        async with rig.running():
            await rig.until_told("; are the credentials whole?")
            mend()
            await rig.came.wait()
            assert rig.link.problem is None


async def test_a_connection_that_never_was_is_closed_without_complaint() -> None:
    await Rig(NatsSettings(urls=())).link.close()
