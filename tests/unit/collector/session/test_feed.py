"""A feed behind its handshake, however the bytes of both come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from metdc_collector.session.feed import Feed

CEILING = 10.0


@contextlib.asynccontextmanager
async def server(status: str, body: bytes, cuts: Sequence[int]) -> AsyncIterator[int]:
    """Answers a handshake with a status and what follows at once, in reads that end at ``cuts``; gives the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        (key,) = [
            line[19:].decode() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")
        ]
        head = (
            f"HTTP/1.1 {status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept_key(key)}"
        )
        length = "" if status.startswith("101") else f"\r\nContent-Length: {len(body)}"
        data = f"{head}{length}\r\n\r\n".encode() + body
        for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            writer.write(data[begin:end])
            await writer.drain()
            await asyncio.sleep(0.02)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        over.set()

    over = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        await over.wait()


def wire(*frames: Frame) -> bytes:
    return b"".join(frame.serialize(mask=False) for frame in frames)


# The head has 129 bytes: a cut inside, inside of its end, right behind it, and inside of a frame's header.
@pytest.mark.parametrize("cuts", [(), (40,), (126,), (127, 128), (129,), (130,), (40, 127, 131)])
async def test_frames_right_behind_the_handshake_are_taken_wherever_it_is_cut(cuts: Sequence[int]) -> None:
    said = wire(
        Frame(Opcode.TEXT, b"one"),
        Frame(Opcode.TEXT, b"tw", fin=False),
        Frame(Opcode.PING, b""),
        Frame(Opcode.CONT, b"o"),
        Frame(Opcode.BINARY, b"three"),
    )
    taken: list[tuple[bytes, bool]] = []
    sizes: list[int] = []
    seen: list[int] = []
    three = asyncio.Event()

    def take(payload: bytes, binary: bool) -> None:
        taken.append((payload, binary))
        if len(taken) == 3:
            three.set()

    async with asyncio.timeout(CEILING), server("101 Switching Protocols", said, cuts) as port:
        create = partial(Feed, frame=take, begin=sizes.append, end=lambda: seen.append(len(taken)))
        async with connect(f"ws://127.0.0.1:{port}", create_connection=create, compression=None, close_timeout=0.1):  # type: ignore[arg-type]
            await three.wait()
    assert taken == [(b"one", False), (b"two", False), (b"three", True)]
    assert sum(sizes) == 129 + len(said)
    assert (len(seen), seen[-1]) == (len(sizes), 3)


@pytest.mark.parametrize("cuts", [(), (150,)])
async def test_the_body_of_a_refusal_is_no_frame(cuts: Sequence[int]) -> None:
    body = b"\r\n\r\n\x81\x01x"
    async with asyncio.timeout(CEILING), server("429 Too Many Requests", body, cuts) as port:
        create = partial(Feed, frame=lambda *_: pytest.fail("a frame"), begin=lambda _: None, end=lambda: None)
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{port}", create_connection=create, compression=None)  # type: ignore[arg-type]
    assert caught.value.response.body == body


async def test_a_read_ends_whatever_one_of_its_frames_does() -> None:
    told: list[bytes] = []
    over = asyncio.Event()

    def take(payload: bytes, binary: bool) -> None:
        told.append(payload)
        if payload == b"two":
            raise RuntimeError("an adapter's fault")

    def end() -> None:
        told.append(b"end")
        if b"two" in told:
            over.set()

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it ends the connection, and says so
    said = wire(Frame(Opcode.TEXT, b"one"), Frame(Opcode.TEXT, b"two"), Frame(Opcode.TEXT, b"three"))
    async with asyncio.timeout(CEILING), server("101 Switching Protocols", said, [129]) as port:
        create = partial(Feed, frame=take, begin=lambda _: None, end=end)
        async with connect(f"ws://127.0.0.1:{port}", create_connection=create, compression=None, close_timeout=0.1):  # type: ignore[arg-type]
            await over.wait()
    assert told[-3:] == [b"one", b"two", b"end"]
