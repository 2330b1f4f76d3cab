"""Acknowledgements out of the bytes of NATS, however they are cut, among whatever else the server says."""

import asyncio
import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.protocol.parser import Parser

from metdc_collector.publisher.acks import Ack, Acknowledge, Answer, FastParser, TakeAnswer, read, read_answer

INBOX = "_INBOX.aB3"
OTHER = "_INBOX.aB3x"  # begins with the same letters
STORED = b'{"stream":"TRADES_BINANCE","seq":9}'
DUPLICATE = b'{"stream":"TRADES_BINANCE","seq":9,"duplicate": true}'  # with the space that the server writes
DOMAIN = b'{"stream":"TRADES_BINANCE", "domain":"hub", "seq":9}'
REFUSED = b'{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}'
BODIES = (STORED, DUPLICATE, DOMAIN, REFUSED)


class Library:
    """What nats-py's parser calls on its client."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.said.append(("msg", sid, bytes(subject), bytes(reply), data, headers))

    async def _process_ping(self) -> None:
        self.said.append(("ping",))

    async def _process_pong(self) -> None:
        self.said.append(("pong",))

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.said.append(("info", info))

    async def _process_err(self, error: str) -> None:
        self.said.append(("err", error))


def message(subject: str, body: bytes, sid: int = 4, reply: str = "") -> bytes:
    return f"MSG {subject} {sid} {reply}{' ' if reply else ''}{len(body)}\r\n".encode() + body + b"\r\n"


def ack(number: int, body: bytes = STORED) -> bytes:
    return message(f"{INBOX}.{number}", body)


def no_responders(subject: str) -> bytes:
    headers = b"NATS/1.0 503\r\n\r\n"
    return f"HMSG {subject} 4 {len(headers)} {len(headers)}\r\n".encode() + headers + b"\r\n"


OTHERS = (
    b"PING\r\n",
    b"PONG\r\n",
    b"+OK\r\n",
    b"-ERR 'stale connection'\r\n",
    b'INFO {"server_id":"A","max_payload":1048576}\r\n',
    message("_INBOX.other.1", b"hello", sid=7),
    message("_INBOX.other.1", b"", sid=7),
    message(f"{OTHER}.5", STORED, sid=7),
    message("reports", b"MSG _INBOX.aB3.99 4 35\r\n" + STORED, sid=7, reply="_INBOX.back"),
    message(f"{INBOX}.5", STORED, reply="answer.to"),
    message(f"{INBOX}.5", b"+OK"),
    message(f"{INBOX}.5", b""),
    no_responders(f"{INBOX}.5"),
)


class Taken(NamedTuple):
    """What the fast lanes gave, and what was left to the library."""

    acks: list[Ack]
    answers: list[tuple[int, Answer]]
    said: list[tuple[Any, ...]]

    @property
    def all_acks(self) -> list[Ack]:
        """Acknowledgements by either way."""
        slow = [read(entry[2].rpartition(b".")[2], entry[4]) for entry in self.said if is_ack(entry)]
        return sorted((*self.acks, *slow), key=repr)

    @property
    def all_answers(self) -> list[tuple[int, Answer]]:
        """Messages of looks by either way."""
        slow = [(number_of(entry), read_answer(entry[5], entry[4])) for entry in self.said if is_answer(entry)]
        return sorted((*self.answers, *slow), key=repr)

    @property
    def rest(self) -> list[tuple[Any, ...]]:
        """What the library alone is asked for."""
        return [entry for entry in self.said if not is_ack(entry) and not is_answer(entry)]


async def parsed(chunks: Sequence[bytes]) -> Taken:
    library, acks, answers = Library(), list[Ack](), list[tuple[int, Answer]]()

    def acknowledge(stored: Sequence[int], others: Sequence[Ack]) -> None:
        acks.extend([*map(stored_once, stored), *others])

    parser = fast(library, acknowledge, lambda number, answer: answers.append((number, answer)))
    for chunk in chunks:
        await parser.parse(chunk)
    assert not parser.buf
    return Taken(acks, answers, library.said)


async def by_the_library_alone(data: bytes) -> Taken:
    library = Library()
    await Parser(library).parse(data)
    return Taken([], [], library.said)


def fast(client: object, acknowledge: Acknowledge, answer: TakeAnswer = lambda number, answer: None) -> FastParser:
    return FastParser(client, inbox=INBOX, acknowledge=acknowledge, answer=answer)


def stored_once(number: int) -> Ack:
    return Ack(number, duplicate=False, problem=None)


def number_of(entry: tuple[Any, ...]) -> int:
    return int(entry[2].rpartition(b".")[2])


def is_answer(entry: tuple[Any, ...]) -> bool:
    return bool(entry[0] == "msg" and entry[2].startswith(f"{INBOX}.look.".encode()))


def look(
    number: int, body: bytes, headers: bytes = b"NATS/1.0\r\nNats-Subject: a.b\r\nNats-Sequence: 7\r\n\r\n"
) -> bytes:
    sizes = f"{len(headers)} {len(headers) + len(body)}"
    return f"HMSG {INBOX}.look.{number} 5 {sizes}\r\n".encode() + headers + body + b"\r\n"


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def is_ack(entry: tuple[Any, ...]) -> bool:
    return entry[0] == "msg" and entry[2].startswith(INBOX.encode() + b".") and entry[4] in BODIES


# -- one answer


def test_a_stored_trade_is_acknowledged() -> None:
    assert read(b"17", STORED) == Ack(17, duplicate=False, problem=None)


def test_a_trade_that_the_stream_held_is_a_duplicate() -> None:
    assert read(b"17", DUPLICATE) == Ack(17, duplicate=True, problem=None)


def test_a_duplicate_is_one_without_the_servers_space() -> None:
    assert read(b"17", DUPLICATE.replace(b" ", b"")).duplicate


def test_an_error_is_told_with_its_code() -> None:
    assert read(b"17", REFUSED) == Ack(17, duplicate=False, problem="maximum bytes exceeded (10077)")


def test_an_error_without_a_code_of_jetstream_is_told_with_the_general_one() -> None:
    assert read(b"1", b'{"error":{"code":503}}').problem == "error (503)"


def test_an_empty_answer_means_that_nobody_listens() -> None:
    assert read(b"1", b"").problem == "no stream takes its subject"


@pytest.mark.parametrize("body", [b"{}", b"nonsense", b"[]", b'{"error":"text"}', b'{"error":null}'])
def test_an_answer_that_cannot_be_read_is_a_problem(body: bytes) -> None:
    assert read(b"1", body).problem == f"unreadable answer {body!r}"


@pytest.mark.parametrize("name", ["error", "duplicate", "seq"])
def test_a_stream_of_any_name_acknowledges(name: str) -> None:
    assert read(b"1", b'{"stream":"%s","seq":9}' % name.encode()) == Ack(1, duplicate=False, problem=None)


# -- one message of a look


def test_a_message_of_a_look_is_read_with_its_place_and_identity() -> None:
    headers = b"NATS/1.0\r\nNats-Stream: S\r\nNats-Subject: trades.a\r\nNats-Sequence: 7\r\nNats-Msg-Id: a.b.1\r\n\r\n"
    assert read_answer(headers, b"{}") == Answer("", "trades.a", "7", "a.b.1", b"{}")


def test_the_end_of_a_look_is_read_as_a_status() -> None:
    assert read_answer(b"NATS/1.0 204 EOB\r\n\r\n", b"").status == "204 EOB"


def test_a_message_without_any_of_these_headers_has_empty_parts() -> None:
    assert read_answer(b"NATS/1.0\r\n\r\n", b"x") == Answer("", "", "", "", b"x")


def test_a_message_id_in_letters_of_the_world_is_read() -> None:
    assert read_answer("NATS/1.0\r\nNats-Msg-Id: 龙USDT.1\r\n\r\n".encode(), b"").message_id == "龙USDT.1"


# -- many, in bytes


async def test_a_chunk_of_answers_is_handed_over_at_once() -> None:
    handed: list[tuple[Sequence[int], Sequence[Ack]]] = []
    data = ack(1) + ack(2) + ack(3, DUPLICATE) + ack(4, REFUSED) + ack(5, DOMAIN) + look(6, b"{}") + ack(7)
    await fast(Library(), lambda *found: handed.append(found)).parse(data)
    [(stored, (duplicate, refused))] = handed
    assert stored == [1, 2, 5, 7]
    assert (duplicate.number, duplicate.duplicate) == (3, True)
    assert (refused.number, refused.problem) == (4, "maximum bytes exceeded (10077)")


async def test_nothing_is_handed_over_where_nothing_came() -> None:
    handed: list[tuple[Sequence[int], Sequence[Ack]]] = []
    await fast(Library(), lambda *found: handed.append(found)).parse(b"PING\r\n")
    assert handed == []


@pytest.mark.parametrize("other", OTHERS)
async def test_what_is_no_answer_is_left_to_the_library_wherever_it_is_cut(other: bytes) -> None:
    data = ack(1) + look(3, b"{}") + other + ack(2) + look(4, b"{}")
    alone = await by_the_library_alone(data)
    for place in range(len(data) + 1):
        taken = await parsed([data[:place], data[place:]])
        assert (taken.all_acks, taken.all_answers) == (alone.all_acks, alone.all_answers)
        assert taken.rest == alone.rest


async def test_every_answer_is_taken_by_the_fast_lanes_however_answers_alone_are_cut() -> None:
    data = (
        ack(1)
        + ack(23, DUPLICATE)
        + look(5, b'{"a":1}\r\n')
        + look(6, b"", b"NATS/1.0 204 EOB\r\n\r\n")
        + ack(4, REFUSED)
    )
    for first in range(len(data) + 1):
        for second in range(first, len(data) + 1, 7):
            taken = await parsed([data[:first], data[first:second], data[second:]])
            assert sorted(each.number for each in taken.acks) == [1, 4, 23]
            assert [(number, answer.data) for number, answer in taken.answers] == [(5, b'{"a":1}\r\n'), (6, b"")]
            assert taken.said == []


async def test_answers_byte_by_byte_are_read() -> None:
    data = ack(1) + look(3, b"{}") + ack(2)
    taken = await parsed([data[place : place + 1] for place in range(len(data))])
    assert ([each.number for each in taken.acks], len(taken.answers), taken.said) == ([1, 2], 1, [])


bodies = st.sampled_from(BODIES)
pieces = st.lists(
    st.one_of(
        st.builds(ack, st.integers(0, 10**6), bodies),
        st.builds(look, st.integers(0, 99), st.binary(max_size=20)),
        st.sampled_from(OTHERS),
    ),
    min_size=1,
    max_size=12,
)


@given(pieces, st.lists(st.integers(0, 2000), max_size=8))
async def test_every_answer_arrives_once_and_the_rest_as_the_library_alone_would_read_it(
    sent: list[bytes], places: list[int]
) -> None:
    data = b"".join(sent)
    alone, taken = await by_the_library_alone(data), await parsed(cut(data, places))
    assert (taken.all_acks, taken.all_answers) == (alone.all_acks, alone.all_answers)
    assert taken.rest == alone.rest


# -- what of the library's private parts is relied on


async def serve(greeted: asyncio.Event, said: list[bytes], answers: bytes) -> asyncio.Server:
    """A server that speaks as much of NATS as a connection needs, and then says something."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"A","version":"2.11.0","max_payload":1048576,"headers":true}\r\n')
        while line := await reader.readline():
            said.append(line)
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
            if line.startswith(b"HPUB"):
                writer.write(answers)
                greeted.set()
        writer.close()

    return await asyncio.start_server(greet, "127.0.0.1", 0)


async def test_the_library_reads_through_a_parser_that_was_put_in_its_place_and_writes_at_once() -> None:
    published, acknowledged, said = asyncio.Event(), asyncio.Event(), list[bytes]()
    server = await serve(published, said, ack(17) + b"PING\r\n" + ack(18))
    client = Client()
    acks: list[int] = []

    def acknowledge(stored: Sequence[int], others: Sequence[Ack]) -> None:
        acks.extend(stored)
        acknowledged.set()

    try:
        host, port = server.sockets[0].getsockname()
        await client.connect(f"nats://{host}:{port}", allow_reconnect=False)
        assert isinstance(client._ps, Parser)
        client._ps = fast(client, acknowledge)
        assert client._transport is not None
        client._transport.write(b"HPUB trades.x _INBOX.aB3.17 12 12\r\nNATS/1.0\r\n\r\n\r\n")
        async with asyncio.timeout(10):
            await published.wait()
            await acknowledged.wait()
        assert acks == [17]
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


def test_the_library_keeps_what_is_incomplete_where_it_is_looked_for() -> None:
    parser = Parser(None)
    assert (parser.state, parser.buf) == (1, bytearray())


def test_no_pattern_repeats_possessively() -> None:
    """CPython before 3.11.5 ends such a match too late, behind what it has not matched: a refusal would be passed."""
    parser = FastParser(Library(), inbox=INBOX, acknowledge=lambda *_: None, answer=lambda *_: None)
    patterns = [found.pattern for found in vars(parser).values() if isinstance(found, re.Pattern)]
    assert len(patterns) == 5
    assert not [pattern for pattern in patterns if re.search(rb"[*+?}]\+", pattern)]
