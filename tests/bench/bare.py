"""The ceiling: ready-made bytes to the same server, one acknowledgement each, and nothing else.

``python -m tests.bench.bare --port P --subject S --trades N`` prints
``{"seconds":…,"cpu_seconds":…}`` for N messages with a message id each, 64 a write, 8,192 in flight.
"""

import argparse
import asyncio
import json
import re
import resource
import time

BATCH = 64
WINDOW = 8192
INBOX = "_INBOX.bench"
ACK = re.compile(rb"MSG _INBOX\.bench \d+ \d+\r\n")
PAYLOAD = (
    b'{"v":1,"exchange":"binance","market":"spot","symbol":"BTC-USDT","instrument":"BTCUSDT","id":"5312345678",'
    b'"seq":"5312345678","price":"80227.01","quantity":"0.00042","side":"sell","time":1790001515463000000,'
    b'"received":1790001515465120331,"sent":1790001515464000000}'
)


def messages(subject: str, count: int) -> list[bytes]:
    """Return writes of 64 messages, ids unique in this run."""
    made = []
    run = time.time_ns()
    for number in range(count):
        head = f"NATS/1.0\r\nNats-Msg-Id: bench.{run}.{number}\r\n\r\n".encode()
        control = f"HPUB {subject} {INBOX} {len(head)} {len(head) + len(PAYLOAD)}\r\n".encode()
        made.append(control + head + PAYLOAD + b"\r\n")
    return [b"".join(made[start : start + BATCH]) for start in range(0, count, BATCH)]


async def publish(port: int, subject: str, count: int) -> dict[str, float]:
    """Publish and wait for every acknowledgement; return seconds of wall clock and of CPU."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n' + f"SUB {INBOX} 1\r\n".encode())
    writes = messages(subject, count)
    start, cpu = time.monotonic(), _cpu()
    sent = acknowledged = 0
    rest = b""
    for write in writes:
        writer.write(write)
        sent += BATCH
        while sent - acknowledged > WINDOW:
            rest, found = _count(rest + await reader.read(1 << 18))
            acknowledged += found
    while acknowledged < count:
        rest, found = _count(rest + await reader.read(1 << 18))
        acknowledged += found
    result = {"seconds": time.monotonic() - start, "cpu_seconds": _cpu() - cpu}
    writer.close()
    return result


def _count(data: bytes) -> tuple[bytes, int]:
    """Count acknowledgements; what may be an incomplete one at the end is given back."""
    complete = data.rfind(b"\r\nMSG ") + 2 if not data.endswith(b"}\r\n") else len(data)
    return data[complete:], len(ACK.findall(data, 0, complete))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A bare publisher, for the bench.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--subject", required=True)
    parser.add_argument("--trades", type=int, required=True)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(publish(options.port, options.subject, options.trades))))
