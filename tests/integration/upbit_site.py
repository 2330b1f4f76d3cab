"""Upbit's notices, market list and private socket, as the watcher's tests need them: a real server, ordered by hand."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.sync.server import ServerConnection, serve

KOREA = "+09:00"


class Site:
    """What is published, and what was asked.

    Attributes:
        notices: rows of the list, the first on top; :meth:`publish` and :meth:`edit` change them.
        bodies: HTML by number.
        refusals: how many requests for a body are refused before it is given.
        coins: the coins of the KRW market.
        answer: status, body and headers in place of the list of notices, while there is one.
        lost: the number of a page that cannot be had, while there is one.
        asked: path and headers of each request, in order.
        tokens: what each socket authorised itself with.
        heard: frames that clients sent on the socket.
        clients: who listens there.
        version: of the list, which its ``ETag`` tells.
    """

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []
        self.bodies: dict[int, str] = {}
        self.refusals = 0
        self.coins = ["BTC", "ETH"]
        self.answer: tuple[int, bytes, dict[str, str]] | None = None
        self.lost: int | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.tokens: list[str] = []
        self.heard: list[str] = []
        self.version = 0
        self.rest = self.socket = ""
        self.clients: list[ServerConnection] = []

    def publish(self, number: int, title: str, at: str, *, body: str | None = None) -> None:
        """Publish a notice at a time in Korea, in the list and on the socket."""
        time = f"{at}{KOREA}"
        row = {"id": number, "title": title, "first_listed_at": time, "listed_at": time, "category": "거래"}
        if body is not None:
            self.bodies[number] = body
        self.version += 1
        self.notices.insert(0, row)
        self.say(row, "CREATED")

    def edit(self, number: int, title: str, at: str) -> None:
        """Edit a notice at a time in Korea; it moves to the top."""
        (row,) = [row for row in self.notices if row["id"] == number]
        self.notices.remove(row)
        row = row | {"title": title, "listed_at": f"{at}{KOREA}"}
        self.notices.insert(0, row)
        self.version += 1
        self.say(row, "UPDATED")

    def say(self, row: dict[str, Any], event: str) -> None:
        """Send a notice to the socket's clients."""
        times = {name: row[name] for name in ("first_listed_at", "listed_at")}
        frame = {"type": "announcement", "event_type": event, "uuid": str(row["id"]), "title": row["title"], **times}
        for client in self.clients:
            client.send(json.dumps(frame | {"category": "trade", "stream_type": "REALTIME"}).encode())

    def pages(self, path: str) -> list[tuple[str, dict[str, str]]]:
        """What was asked below a path."""
        return [(target, headers) for target, headers in self.asked if target.startswith(path)]

    def reply(self, target: str, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of the reply to a request."""
        self.asked.append((target, headers))
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path == "/v1/market/all":
            rows = [{"market": f"{quote}-{coin}"} for coin in self.coins for quote in ("KRW", "BTC")]
            return 200, json.dumps(rows).encode(), {}
        if path == "/api/v1/announcements":
            if self.answer is not None:
                return self.answer
            return self._list(int(query["page"][0]), int(query["per_page"][0]), headers.get("if-none-match"))
        number = int(path.removeprefix("/api/v1/announcements/"))
        if self.refusals:
            self.refusals -= 1
            return 429, b"error code: 1015", {}
        if number in self.bodies:
            return 200, _page({"id": number, "body": self.bodies[number]}), {}
        return 404, b'{"success":false}', {}

    def _list(self, page: int, rows: int, known: str | None) -> tuple[int, bytes, dict[str, str]]:
        if page == self.lost:
            return 503, b"", {}
        etag = f'W/"{self.version}"'
        if known == etag:
            return 304, b"", {"ETag": etag}
        shown = self.notices[(page - 1) * rows : page * rows]
        return 200, _page({"notices": shown, "fixed_notices": []}), {"ETag": etag}

    def talk(self, client: ServerConnection) -> None:
        """Serve one client of the socket."""
        assert client.request is not None
        self.tokens.append(client.request.headers["Authorization"])
        if client.request.path != "/websocket/v1/private":
            client.close(1008)
            return
        with contextlib.suppress(Exception):  # it is gone
            for frame in client:
                self.heard.append(str(frame))
                if frame == "PING":
                    client.send(b'{"status":"UP"}')
                elif client not in self.clients:
                    self.clients.append(client)
        self.clients = [one for one in self.clients if one is not client]


def _page(data: dict[str, Any]) -> bytes:
    return json.dumps({"success": True, "data": data}, ensure_ascii=False).encode()


@contextlib.contextmanager
def upbit_site() -> Iterator[Site]:
    """Run the site on free ports."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body, headers = site.reply(self.path, {name.lower(): text for name, text in self.headers.items()})
            self.send_response_only(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    with serve(site.talk, "127.0.0.1", 0) as socket:
        site.rest = f"http://127.0.0.1:{http.server_address[1]}"
        site.socket = f"ws://127.0.0.1:{socket.socket.getsockname()[1]}"
        threads = [
            threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True),
            threading.Thread(target=socket.serve_forever, daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield site
        finally:
            http.shutdown()
            http.server_close()
            socket.shutdown()
            for thread in threads:
                thread.join(10)
