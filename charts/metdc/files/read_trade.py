"""Reads the newest stored trade, as the release's reader; waits for one for a while. Run by `helm test`.

NATS_URL, NATS_INBOX_PREFIX, NATS_DOMAIN and METDC_NATS_CREDENTIALS say how, METDC_WAIT for how many seconds.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error

from metdc_collector.publisher.link import NatsSettings, login

FIELDS = ("exchange", "market", "symbol", "side", "price", "quantity", "time")


async def newest(client: Client, domain: str | None) -> bytes | None:
    """Return the trade that was stored last; null where there is none."""
    api = f"$JS.{domain}.API" if domain else "$JS.API"

    async def ask(call: str, **body: Any) -> dict[str, Any]:
        return dict(json.loads((await client.request(f"{api}.{call}", json.dumps(body).encode(), timeout=5)).data))

    names = (await ask("STREAM.NAMES", subject="trades.>")).get("streams") or ()
    states = {name: (await ask(f"STREAM.INFO.{name}"))["state"] for name in names}
    held = [name for name in names if states[name]["messages"]]
    if not held:
        return None
    last = max(held, key=lambda name: str(states[name]["last_ts"]))
    request = json.dumps({"seq": states[last]["last_seq"]}).encode()
    return bytes((await client.request(f"{api}.DIRECT.GET.{last}", request, timeout=5)).data)


async def main() -> int:
    """Print the trade; return the exit code."""
    folder = os.environ.get("METDC_NATS_CREDENTIALS")
    settings = NatsSettings(
        urls=os.environ["NATS_URL"].split(","),
        credentials=Path(folder) if folder else None,
        handshake_first=os.environ.get("NATS_HANDSHAKE_FIRST") == "true",
        inbox_prefix=os.environ.get("NATS_INBOX_PREFIX") or "_INBOX",
    )
    deadline = time.monotonic() + float(os.environ.get("METDC_WAIT", "90"))
    problem = "no trade is stored: apply an ExchangeCollector, and look at `kubectl get xc -A`"
    while time.monotonic() < deadline:
        try:
            client = await nats.connect(
                list(settings.urls),
                allow_reconnect=False,
                connect_timeout=5,
                inbox_prefix=settings.inbox_prefix,
                **login(settings),
            )
            try:
                found = await newest(client, os.environ.get("NATS_DOMAIN") or None)
            finally:
                await client.close()
            if found is not None:
                trade = json.loads(found)
                print(json.dumps({name: trade[name] for name in FIELDS}))
                return 0
        except (OSError, Error) as error:
            problem = f"NATS at {os.environ['NATS_URL']}: {error or type(error).__name__}"
        await asyncio.sleep(2)
    print(problem, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
