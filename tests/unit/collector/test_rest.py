"""REST replies of a venue, against a real HTTP server: what is usable, and what an error says."""

import contextlib
import gzip
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import pytest

from metdc_collector import rest
from metdc_collector.exchanges.base import InvalidListing, Listing, Rate, Request
from metdc_collector.exchanges.base import Venue as MarketVenue
from metdc_collector.exchanges.binance import FUTURES, SPOT
from metdc_collector.exchanges.gate import FUTURES as GATE_FUTURES
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from tests.unit.collector.made import HandClock, Tape

Answer = Callable[[BaseHTTPRequestHandler], None]
LIST = b'{"symbols":[]}'


class Venue:
    """An HTTP server that gives one answer, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[BaseHTTPRequestHandler] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append(self)
                answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def replying(status: int = 200, body: bytes = LIST, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def broken(handler: BaseHTTPRequestHandler) -> None:
    """Promise ten bytes and send two."""
    handler.send_response_only(200)
    handler.send_header("Content-Length", "10")
    handler.end_headers()
    handler.wfile.write(b"ab")
    handler.close_connection = True


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[Venue]:
    venue = Venue(answer)
    try:
        yield venue
    finally:
        venue.close()


def client(base: str) -> Rest:
    return Rest(base, venue=SPOT, weight=Budget(Rate(1000, 60), monotonic=lambda: 0.0))


async def get(answer: Answer, path: str = "/list") -> bytes:
    with serving(answer) as venue, contextlib.closing(client(venue.address)) as rest:
        return await rest.get(Request(path))


async def refused(answer: Answer) -> RestError:
    with pytest.raises(RestError) as refusal:
        await get(answer)
    return refusal.value


async def test_a_body_comes_as_it_was_sent() -> None:
    assert await get(replying(body=b"\x00\xff")) == b"\x00\xff"


async def test_gzip_is_asked_for_and_unpacked() -> None:
    packed = gzip.compress(LIST)
    with serving(replying(body=packed, Content_Encoding="gzip")) as venue:
        with contextlib.closing(client(venue.address)) as rest:
            assert await rest.get(Request("/list")) == LIST
        assert venue.asked[0].headers["Accept-Encoding"] == "gzip"


async def test_the_path_follows_the_base_address() -> None:
    with serving(replying()) as venue:
        with contextlib.closing(client(venue.address + "/gateway")) as rest:
            await rest.get(Request("/api/v3/trades?symbol=BTCUSDT&limit=5"))
        assert venue.asked[0].path == "/gateway/api/v3/trades?symbol=BTCUSDT&limit=5"


async def test_a_tap_sees_each_reply_with_its_address() -> None:
    tap = Tape()
    with serving(replying()) as venue:
        weight = Budget(Rate(1000, 60), monotonic=lambda: 0.0)
        with contextlib.closing(Rest(venue.address, venue=SPOT, weight=weight, tap=tap)) as rest:
            await rest.get(Request("/list"))
        assert tap.seen == [("http", f"{venue.address}/list", LIST)]


def keyed(base: str, key: str | None, venue: MarketVenue = FUTURES) -> Rest:
    return Rest(base, venue=venue, weight=Budget(Rate(1000, 60), monotonic=lambda: 0.0), key=key)


async def test_a_keyed_request_carries_the_key_and_no_other_does() -> None:
    with serving(replying()) as venue, contextlib.closing(keyed(venue.address, "vmPUZE6mv9")) as rest:
        for wants, key in ((True, "vmPUZE6mv9"), (False, None)):
            await rest.get(Request("/old", keyed=wants))
            told = venue.asked[-1].headers
            assert (told["X-MBX-APIKEY"], told["Accept-Encoding"], told["User-Agent"]) == (key, "gzip", "metdc")


def conditional(handler: BaseHTTPRequestHandler) -> None:
    known = handler.headers["If-None-Match"] == '"1"'
    replying(304 if known else 200, b"" if known else LIST, ETag='"1"')(handler)


async def test_what_is_known_already_is_not_sent_again() -> None:
    with serving(conditional) as venue, contextlib.closing(client(venue.address)) as rest:
        first = await rest.ask(Request("/list"))
        assert (first.status, first.headers["etag"], first.body) == (200, '"1"', LIST)
        again = await rest.ask(Request("/list", unless='"1"'))
        assert (again.status, again.body) == (304, b"")
        assert await rest.get(Request("/list", unless='"0"')) == LIST


async def test_unchanged_is_no_answer_to_who_knows_nothing() -> None:
    assert (await refused(replying(304, b""))).status == 304


async def test_a_keyed_request_tells_what_is_known_too() -> None:
    with serving(replying()) as venue, contextlib.closing(keyed(venue.address, "vmPUZE6mv9")) as rest:
        await rest.get(Request("/old", keyed=True, unless='"1"'))
        assert (venue.asked[0].headers["If-None-Match"], venue.asked[0].headers["X-MBX-APIKEY"]) == (
            '"1"',
            "vmPUZE6mv9",
        )


@pytest.mark.parametrize(("key", "market"), [(None, FUTURES), ("vmPUZE6mv9", SPOT)])
async def test_without_a_key_or_its_header_a_keyed_request_is_not_sent(key: str | None, market: MarketVenue) -> None:
    with serving(replying()) as venue:
        with contextlib.closing(keyed(venue.address, key, market)) as rest, pytest.raises(RestError) as refusal:
            await rest.get(Request("/old?symbol=BTCUSDT", keyed=True))
        assert venue.asked == []
    words = "wants an API key; name its Secret in spec.exchangeCredentialsSecretRef"
    assert str(refusal.value) == f"{venue.address}/old: {words}"


async def test_nothing_tells_of_the_key(caplog: pytest.LogCaptureFixture) -> None:
    tape = Tape()
    with caplog.at_level("DEBUG"), serving(replying(429, b"slow down")) as venue:
        weight = Budget(Rate(1000, 60), monotonic=lambda: 0.0)
        rest = Rest(venue.address, venue=FUTURES, weight=weight, tap=tape, key="vmPUZE6mv9")
        with contextlib.closing(rest), pytest.raises(RestError) as refusal:
            await rest.get(Request("/old", keyed=True))
    assert "vmPUZE6mv9" not in f"{refusal.value}{caplog.text}{tape.seen}"


async def test_a_connection_is_used_again() -> None:
    with serving(replying()) as venue, contextlib.closing(client(venue.address)) as rest:
        await rest.get(Request("/one"))
        await rest.get(Request("/two"))
        assert venue.asked[0].client_address == venue.asked[1].client_address


async def test_too_many_requests_tell_when_to_come_again() -> None:
    error = await refused(replying(429, b'{"code":-1003}', Retry_After="17"))
    assert (error.retry_after, error.region) == (17.0, False)
    assert str(error).endswith('/list: HTTP 429: too many requests: {"code":-1003}')


async def test_a_ban_is_told_as_one() -> None:
    error = await refused(replying(418, b"", Retry_After="120"))
    assert error.retry_after == 120.0
    assert str(error).endswith("HTTP 418: banned for too many requests: empty body")


@pytest.mark.parametrize("text", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e9", "9" * 400, ""])
async def test_a_time_to_come_again_that_is_no_number_of_seconds_is_the_span_of_the_limit(text: str) -> None:
    error = await refused(replying(429, b"", Retry_After=text))
    assert error.retry_after == SPOT.limits.rest_weight.seconds


async def test_451_means_the_region() -> None:
    error = await refused(replying(451, b"unavailable for legal reasons"))
    assert error.region
    assert "binance refuses this region; set spec.endpoints to a gateway elsewhere" in str(error)


async def test_a_403_of_cloudfront_by_its_header_means_the_region() -> None:
    assert (await refused(replying(403, b"", Server="CloudFront"))).region


async def test_a_403_of_cloudfront_by_the_end_of_its_page_means_the_region() -> None:
    assert (await refused(replying(403, b"<HTML>" + b" " * 500 + b"Generated by cloudfront (CloudFront)"))).region


async def test_another_403_is_a_refusal_and_not_the_region() -> None:
    error = await refused(replying(403, b"forbidden"))
    assert not error.region
    assert str(error).endswith("HTTP 403: refused: forbidden")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_error_of_the_venue_is_told_with_its_body(status: int) -> None:
    error = await refused(replying(status, b"upstream  gone" * 100))
    assert str(error).endswith(f"HTTP {status}: error: " + ("upstream  gone" * 100)[:200])


async def test_a_redirect_is_not_followed_and_names_its_target() -> None:
    with serving(replying(302, b"", Location="/elsewhere")) as venue, contextlib.closing(client(venue.address)) as rest:
        with pytest.raises(RestError, match="HTTP 302: redirect to /elsewhere, which is not followed"):
            await rest.get(Request("/list"))
        assert [request.path for request in venue.asked] == ["/list"]


@pytest.mark.parametrize("body", [b"", b"<html>maintenance</html>", b"[1,2", b"\xff\xfe"])
async def test_a_body_that_is_no_list_is_left_to_the_adapter_which_says_so(body: bytes) -> None:
    with pytest.raises(InvalidListing):
        SPOT.listing(await get(replying(body=body)))


async def test_gzip_that_is_damaged_is_no_reply() -> None:
    error = await refused(replying(body=b"not gzip at all", Content_Encoding="gzip"))
    assert "/list: no reply: Received response with content-encoding: gzip, but failed to decode it" in str(error)


async def test_a_reply_that_breaks_off_is_no_reply() -> None:
    error = await refused(broken)
    assert str(error).endswith("/list: no reply: Connection broken: IncompleteRead(2 bytes read, 8 more expected)")


async def test_a_reply_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "_MOST_BYTES", 1000)
    assert "the reply is longer than 1000 bytes" in str(await refused(replying(body=b"x" * 5000)))


async def test_what_is_left_of_a_reply_never_meets_the_next_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "_MOST_BYTES", 1000)

    def by_path(handler: BaseHTTPRequestHandler) -> None:
        replying(body=b"x" * (5000 if handler.path == "/long" else 5))(handler)

    with serving(by_path) as venue, contextlib.closing(client(venue.address)) as requests:
        with pytest.raises(RestError):
            await requests.get(Request("/long"))
        assert await requests.get(Request("/short")) == b"xxxxx"


async def test_a_venue_that_cannot_be_reached_is_named_with_the_cause() -> None:
    with serving(replying()) as venue:
        address = venue.address
    with contextlib.closing(client(address)) as rest, pytest.raises(RestError) as refusal:
        await rest.get(Request("/list"))
    assert str(refusal.value).startswith(f"{address}/list: no reply: Failed to establish a new connection: ")
    assert "Connection refused" in str(refusal.value)


async def test_a_request_waits_for_its_weight() -> None:
    clock = HandClock()
    with serving(replying()) as venue:
        budget = Budget(Rate(50, 60), monotonic=lambda: clock.seconds)
        with contextlib.closing(Rest(venue.address, venue=SPOT, weight=budget, sleep=clock.sleep)) as rest:
            await rest.get(Request("/list", weight=40))
            assert clock.seconds == 0
            await rest.get(Request("/list", weight=40))
    assert clock.seconds == 60


HANGING = """
import asyncio, sys
from metdc_collector.exchanges.base import Rate, Request
from metdc_collector.exchanges.binance import FUTURES, SPOT
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest
async def main():
    rest = Rest(sys.argv[1], venue=SPOT, weight=Budget(Rate(9, 9), monotonic=lambda: 0.0))
    asked = asyncio.create_task(rest.get(Request("/hangs")))
    await asyncio.to_thread(sys.stdin.readline)
    asked.cancel()
    await asyncio.wait({asked})
    rest.close()
asyncio.run(main())
"""


def test_a_venue_that_hangs_keeps_no_process_from_its_end() -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        over.wait(30)
        handler.close_connection = True

    with serving(hang) as venue:
        process = subprocess.Popen([sys.executable, "-c", HANGING, venue.address], stdin=subprocess.PIPE)
        try:
            assert asked.wait(30)
            process.communicate(b"\n", timeout=10)
            assert process.returncode == 0
        finally:
            over.set()
            process.kill()
            process.wait()


# -- instrument lists


class Pages:
    """A venue whose list comes in pages: each names the next."""

    def listing_request(self) -> Request:
        return Request("/list?cursor=1")

    def next_page(self, body: bytes) -> Request | None:
        return Request(f"/list?cursor={body.decode()}") if body else None

    def listing(self, *pages: bytes, known: object) -> Listing:
        self.pages = pages
        return Listing({})


async def pages(answer: Answer) -> tuple[bytes, ...]:
    venue = Pages()
    with serving(answer) as server, contextlib.closing(client(server.address)) as rest:
        await rest.listing(cast("MarketVenue", venue))
    return venue.pages


async def test_a_list_is_read_page_by_page_to_the_last() -> None:
    follow = {"/list?cursor=1": b"2", "/list?cursor=2": b"3", "/list?cursor=3": b""}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        replying(body=follow[handler.path])(handler)

    assert await pages(answer) == (b"2", b"3", b"")


async def test_a_cursor_that_never_ends_is_followed_for_a_while() -> None:
    assert len(await pages(replying(body=b"1"))) == 50


async def test_headers_of_the_venue_go_with_each_request() -> None:
    with serving(replying()) as venue:
        weight = Budget(Rate(1000, 60), monotonic=lambda: 0.0)
        with contextlib.closing(Rest(venue.address, venue=GATE_FUTURES, weight=weight)) as rest:
            await rest.get(Request("/list"))
        assert venue.asked[0].headers["X-Gate-Size-Decimal"] == "1"
