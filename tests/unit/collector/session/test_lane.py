"""Frames that are cut out of received bytes are those that the library would have read, in the same order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from metdc_collector.session.lane import Lane

LARGE = 70_000
Event = tuple[Opcode, bytes, bool]


def library() -> ClientProtocol:
    """A client of the library behind its handshake."""
    protocol = ClientProtocol(parse_uri("ws://127.0.0.1/"), max_size=1 << 20, state=State.OPEN)
    assert next(iter(protocol.events_received()), None) is None
    return protocol


def read(protocol: ClientProtocol, data: bytes) -> list[Event]:
    protocol.receive_data(data)
    return [(frame.opcode, bytes(frame.data), frame.fin) for frame in protocol.events_received()]  # type: ignore[union-attr]


class Reader:
    """A lane whose other frames the library reads, as a feed has it; notes what comes, and who read it."""

    def __init__(self) -> None:
        self.protocol = library()
        self.events: list[Event] = []
        self.cut: list[bytes] = []
        self.passed = b""
        self.parts = False
        self.lane = Lane(self.take, self.other)

    def take(self, payload: bytes, binary: bool) -> None:
        self.cut.append(payload)
        self.events.append((Opcode.BINARY if binary else Opcode.TEXT, payload, True))

    def other(self, data: bytes) -> bool:
        self.passed += data
        for event in read(self.protocol, data):
            self.events.append(event)
            if event[0] in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self.parts = not event[2]
        return self.protocol.state is State.OPEN and not self.parts


def wire(frames: Sequence[Frame]) -> bytes:
    return b"".join(frame.serialize(mask=False) for frame in frames)


def text(payload: bytes, *, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, payload, fin=fin)


sizes = st.one_of(st.integers(0, 20), st.integers(120, 130), st.just(LARGE))
controls = st.tuples(st.sampled_from((Opcode.PING, Opcode.PONG)), st.lists(st.integers(0, 20), min_size=1, max_size=1))
messages = st.tuples(st.sampled_from((Opcode.TEXT, Opcode.BINARY)), st.lists(sizes, min_size=1, max_size=3))


def framed(message: tuple[Opcode, list[int]]) -> list[Frame]:
    """Return the frames of a message in as many fragments as sizes are named."""
    opcode, parts = message
    return [
        Frame(Opcode.CONT if number else opcode, bytes([number]) * size, fin=number == len(parts) - 1)
        for number, size in enumerate(parts)
    ]


@given(
    talk=st.lists(st.one_of(messages, controls), max_size=6),
    reads=st.lists(st.integers(1, 200_000), min_size=1, max_size=8),
)
def test_whatever_is_said_and_wherever_it_is_cut_the_same_frames_come(
    talk: list[tuple[Opcode, list[int]]], reads: list[int]
) -> None:
    data = wire([frame for message in talk for frame in framed(message)])
    reader, at, turn = Reader(), 0, 0
    while at < len(data):
        size = max(reads[turn % len(reads)], 1_000 if turn > 100 else 1)
        reader.lane.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert reader.events == read(library(), data)


@pytest.mark.parametrize("payloads", [[b""], [b"", b"one", b"two"], [bytes(125), bytes(126), bytes(300)]])
def test_frames_that_come_byte_by_byte_are_cut_when_they_are_whole(payloads: list[bytes]) -> None:
    reader = Reader()
    for whole, payload in enumerate(payloads):
        for byte in wire([text(payload)]):
            assert len(reader.cut) == whole
            reader.lane.feed(bytes([byte]))
    assert reader.cut == payloads
    assert reader.passed == b""


def test_control_frames_go_on_between_the_frames_that_are_cut() -> None:
    reader = Reader()
    reader.lane.feed(wire([text(b"1"), Frame(Opcode.PING, b"p"), text(b"2")]))
    assert [payload for _, payload, _ in reader.events] == [b"1", b"p", b"2"]
    assert reader.passed == wire([Frame(Opcode.PING, b"p")])
    assert reader.protocol.data_to_send(), "the pong"


def test_a_large_frame_goes_on_part_by_part_and_nothing_of_it_is_kept() -> None:
    reader, data = Reader(), wire([text(bytes(LARGE)), text(b"next")])
    for at in range(0, len(data), 1_000):
        reader.lane.feed(data[at : at + 1_000])
        assert len(reader.passed) == min(at + 1_000, LARGE + 10)
    assert [len(payload) for _, payload, _ in reader.events] == [LARGE, 4]
    assert reader.cut == [b"next"]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_frame_whose_header_is_not_whole_waits(size: int) -> None:
    reader, data = Reader(), wire([text(bytes(LARGE))])
    for at in range(0, len(data), size):
        reader.lane.feed(data[at : at + size])
    assert reader.events == [(Opcode.TEXT, bytes(LARGE), True)]


def test_while_a_fragmented_frame_is_not_over_nothing_is_cut() -> None:
    reader = Reader()
    reader.lane.feed(wire([text(b"a", fin=False), text(b"against the rules")]))
    assert reader.cut == []
    assert reader.protocol.state is not State.OPEN, "a whole frame in the middle of a fragmented one"


BAD = {
    "masked": text(b"masked").serialize(mask=True),
    "masked, longer": text(bytes(200)).serialize(mask=True),
    "masked, large": text(bytes(LARGE)).serialize(mask=True),
    "an extension that was not agreed on": b"\xc1\x01x",
    "an opcode that does not exist": b"\x83\x01x",
    "a ping that is too long": b"\x89\x7e\x00\x80" + bytes(128),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_no_server_may_send_ends_the_connection_as_without_a_lane(bad: bytes) -> None:
    reader, plain = Reader(), library()
    data = wire([text(b"good")]) + bad + wire([text(b"behind")])
    reader.lane.feed(data)
    read(plain, data)
    assert reader.cut == [b"good"]
    assert reader.protocol.state is plain.state is not State.OPEN
    assert str(reader.protocol.parser_exc) == str(plain.parser_exc)


def test_what_comes_behind_a_close_is_not_cut() -> None:
    reader = Reader()
    reader.lane.feed(wire([Frame(Opcode.CLOSE, b"\x03\xe8"), text(b"late")]))
    assert reader.cut == []
    assert [opcode for opcode, _, _ in reader.events] == [Opcode.CLOSE]
