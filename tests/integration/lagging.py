"""A way to a server on which bytes take their time."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Iterator


class Lag:
    """Listens on 127.0.0.1 and passes connections on; bytes towards the server arrive ``seconds`` late, in order."""

    def __init__(self, server: int, seconds: float) -> None:
        self._server = server
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]
        self._run(self._accept)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    def close(self) -> None:
        """End all connections."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _run(self, work: object, *arguments: object) -> None:
        threading.Thread(target=self._quietly, args=(work, *arguments), daemon=True).start()

    @staticmethod
    def _quietly(work: object, *arguments: object) -> None:
        assert callable(work)
        with contextlib.suppress(OSError):  # a socket that was closed under us
            work(*arguments)

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._server))
            self._sockets += [client, server]
            late: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            self._run(self._read, client, late)
            self._run(self._write, late, server)
            self._run(self._pass_on, server, client)

    def _read(self, client: socket.socket, late: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        data = b"-"
        while data:
            data = client.recv(65536)
            late.put((time.monotonic() + self._seconds, data))

    @staticmethod
    def _write(late: "queue.SimpleQueue[tuple[float, bytes]]", server: socket.socket) -> None:
        while True:
            due, data = late.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                server.shutdown(socket.SHUT_WR)
                return
            server.sendall(data)

    @staticmethod
    def _pass_on(server: socket.socket, client: socket.socket) -> None:
        while data := server.recv(65536):
            client.sendall(data)
        client.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def lag(server: int, seconds: float) -> Iterator[Lag]:
    """Run such a way to a port of 127.0.0.1."""
    way = Lag(server, seconds)
    try:
        yield way
    finally:
        way.close()
