"""What passes between this process and a venue, for whoever wants to see it as it is on the wire."""

from typing import Protocol


class Tap(Protocol):
    """Told of each thing at the moment when it passes; must not raise, for it stands in the way of the data."""

    def replied(self, url: str, body: bytes) -> None:
        """A REST request was answered with status 200 and this body."""

    def connecting(self, url: str) -> None:
        """A WebSocket handshake begins."""

    def sending(self, url: str, frame: str) -> None:
        """A text frame goes out on the connection of that address."""

    def received(self, data: bytes, *, binary: bool) -> None:
        """A whole data frame came in; ``binary`` is its opcode."""
