"""What can be wrong with data on its way to the wire.

::

    ValueError
    └── WireError            the data cannot be put on the wire, or what came from it cannot be read
        ├── InvalidDecimal   not an unsigned decimal number of at most 60 digits a side
        ├── InvalidToken     not a token of a subject
        └── InvalidMessage   a payload that is not the message it should be
"""


class WireError(ValueError):
    """Data that cannot be put on the wire, or came from it damaged."""


class InvalidDecimal(WireError):
    """The text is not an unsigned decimal number of at most 60 digits on either side of the point."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"not an unsigned decimal number: {text[:80]!r}")


class InvalidToken(WireError):
    """The text cannot be a token of a subject, or is no escaped token."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"not a subject token: {text[:80]!r}")


class InvalidMessage(WireError):
    """A payload is not the message that it should be; the text names the field and what was wrong."""
