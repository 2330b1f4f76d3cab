"""One GET to a probe port on this machine, without threads: a wedged process must hold up nobody else."""

import asyncio

_MOST = 16 * 1024 * 1024


class NoAnswer(Exception):
    """The port did not answer, or not in time, or with something else than HTTP."""


async def get(port: int, path: str, *, within: float) -> tuple[int, bytes]:
    """Return the status and body that ``http://127.0.0.1:<port><path>`` answers in time, ``within`` so many seconds.

    Raises:
        NoAnswer: when there is none.
    """
    try:
        async with asyncio.timeout(within):
            return await _get(port, path)
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:  # TimeoutError is an OSError
        raise NoAnswer(f"{path}: {error or type(error).__name__}") from error


async def _get(port: int, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_MOST)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        lengths = [line.partition(":")[2] for line in head if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0])) if lengths else await reader.read()
        return status, body
    except (IndexError, asyncio.LimitOverrunError) as error:
        raise ValueError("no HTTP") from error
    finally:
        writer.close()
