"""A pod's configuration, read or refused by the name of the field that is wrong."""

import copy
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector import settings
from metdc_collector.exchanges.base import Endpoints
from metdc_collector.settings import InvalidSettings, Settings, read
from metdc_collector.universe import Selection
from metdc_collector.wire.config import PodConfig
from metdc_collector.wire.streams import StreamSpec
from tests.unit.wire import examples

NATS = {"urls": ["nats://nats:4222"]}
CRD = Path(__file__).resolve().parents[3] / "crds"


def config(spec: dict[str, Any], market: str = "spot", **fields: Any) -> PodConfig:
    whole = {"exchange": "binance", "nats": NATS} | spec
    return PodConfig(
        namespace="default", name="b", uid="1", market=market, slot="2026-11-23T10:00:00Z", spec=whole, **fields
    )


def made(market: str = "spot", credentials: Path | None = None, **spec: Any) -> Settings:
    return read(config(spec, market), credentials=credentials)


def nats(**fields: Any) -> dict[str, Any]:
    return {"nats": NATS | fields}


def stream(**fields: Any) -> dict[str, Any]:
    return nats(stream=fields)


def refused(**spec: Any) -> str:
    with pytest.raises(InvalidSettings) as refusal:
        made(**spec)
    return str(refusal.value)


def test_the_least_configuration_takes_the_venues_own_addresses_and_the_usual_sizes() -> None:
    least = made()
    assert least.endpoints == least.venue.endpoints
    assert least.selection == Selection(quotes=("USDT",))
    assert least.stream == StreamSpec(name="TRADES_BINANCE", subjects=("trades.binance.>",))
    assert (least.nats.urls, least.nats.credentials) == (("nats://nats:4222",), None)
    assert (least.nats.inbox_prefix, least.nats.domain, least.nats.handshake_first) == ("_INBOX", None, False)


def test_the_share_of_limits_is_that_of_the_configuration() -> None:
    assert read(config({}, limit_share=Fraction(1, 3)), credentials=None).limit_share == Fraction(1, 3)


@pytest.mark.parametrize(("exchange", "market"), [("nowhere", "spot"), ("binance", "options")])
def test_an_unknown_exchange_and_an_unknown_market_are_refused(exchange: str, market: str) -> None:
    assert refused(exchange=exchange, market=market).startswith("spec.exchange: ")


# -- addresses


def test_addresses_of_the_resource_replace_the_venues_own() -> None:
    given = made(endpoints={"rest": "http://127.0.0.1:1/", "webSocket": "ws://127.0.0.1:2"})
    assert given.endpoints == Endpoints(rest="http://127.0.0.1:1", web_socket="ws://127.0.0.1:2")


def test_an_address_of_the_market_replaces_that_of_the_resource_and_no_other() -> None:
    given = made(
        endpoints={"rest": "http://a", "webSocket": "ws://a"},
        markets=[{"name": "futures"}, {"name": "spot", "endpoints": {"rest": "http://b"}}],
    )
    assert given.endpoints == Endpoints(rest="http://b", web_socket="ws://a")


# -- symbols


def test_symbols_are_those_of_the_resource() -> None:
    given = made(symbols={"quotes": ["USDC"], "include": ["BTC"], "exclude": ["ETH"], "upbitKRW": "Ignore"})
    assert given.selection == Selection(("USDC",), ("BTC",), ("ETH",))


def test_symbols_of_the_market_replace_those_of_the_resource_as_a_whole() -> None:
    given = made(symbols={"include": ["BTC"]}, markets=[{"name": "spot", "symbols": {"quotes": ["USDC"]}}])
    assert given.selection == Selection(quotes=("USDC",))


@pytest.mark.parametrize("word", ["Include", "Exclude"])
def test_upbits_krw_market_is_read_at_its_own_address_or_at_the_one_that_is_given(word: str) -> None:
    asked = config({"symbols": {"upbitKRW": word}})
    assert read(asked, credentials=None).selection.upbit_krw == word
    assert read(asked, credentials=None).krw_rest == "https://api.upbit.com"
    assert read(asked, credentials=None, upbit_rest="http://gateway/").krw_rest == "http://gateway"


def test_without_a_filter_upbit_has_no_address() -> None:
    assert read(config({}), credentials=None, upbit_rest="http://gateway").krw_rest is None


def test_an_upbit_collector_reads_the_krw_market_where_its_list_is() -> None:
    spec = {"exchange": "upbit", "symbols": {"upbitKRW": "Exclude"}, "endpoints": {"rest": "http://own"}}
    assert read(config(spec), credentials=None, upbit_rest="http://gateway").krw_rest == "http://own"


def test_an_address_of_upbit_that_is_none_is_refused_by_its_variable() -> None:
    with pytest.raises(InvalidSettings, match="METDC_UPBIT_REST: 'api' must begin with http:// or https://"):
        read(config({"symbols": {"upbitKRW": "Include"}}), credentials=None, upbit_rest="api")


# -- the exchange's API key


def keyed(folder: Path | None, **spec: Any) -> Settings:
    return read(config(spec), credentials=None, exchange_credentials=folder)


def test_without_a_folder_there_is_no_key() -> None:
    assert keyed(None).key is None


@pytest.mark.parametrize("spec", [{}, {"exchangeCredentialsSecretRef": {"name": "binance-key"}}])
def test_the_key_is_read_from_its_file_and_never_shown(tmp_path: Path, spec: dict[str, Any]) -> None:
    (tmp_path / "apiKey").write_text("vmPUZE6mv9\n")
    given = keyed(tmp_path, **spec)
    assert given.key == "vmPUZE6mv9"
    assert "vmPUZE6mv9" not in repr(given)


def test_a_secret_that_is_named_wants_its_folder() -> None:
    with pytest.raises(InvalidSettings, match=r"spec.exchangeCredentialsSecretRef: METDC_EXCHANGE_CREDENTIALS must"):
        keyed(None, exchangeCredentialsSecretRef={"name": "binance-key"})


def test_a_folder_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"METDC_EXCHANGE_CREDENTIALS: .*/apiKey cannot be read: FileNotFoundErr"):
        keyed(tmp_path)


@pytest.mark.parametrize("text", ["", "\n", "two words", "a\nX-Header: b", "schlüssel", "x" * 501])
def test_what_cannot_be_a_header_is_no_key_and_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "apiKey").write_text(text)
    with pytest.raises(InvalidSettings, match=r"/apiKey holds no API key: 1 to 500 characters without spaces$"):
        keyed(tmp_path)


def test_bytes_that_are_no_text_are_no_key(tmp_path: Path) -> None:
    (tmp_path / "apiKey").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSettings, match=r"/apiKey cannot be read: UnicodeDecodeError$"):
        keyed(tmp_path)


# -- NATS


def test_a_stream_is_as_the_resource_says() -> None:
    given = made(
        market="futures",
        **stream(name="MINE", management="Observe", replicas=3, maxAge="1h30m", maxBytes="2Gi", duplicateWindow="5m"),
    )
    assert given.stream == StreamSpec(
        name="MINE",
        subjects=("trades.binance.futures.>",),
        management="Observe",
        replicas=3,
        max_age=5400,
        max_bytes=2 * 2**30,
        duplicate_window=300,
    )


def test_a_size_may_be_a_number_of_bytes() -> None:
    assert made(**stream(maxBytes=1_000_000)).stream.max_bytes == 1_000_000


def test_prefix_and_domain_are_those_of_the_resource() -> None:
    given = made(**nats(inboxPrefix="_INBOX.metdc", jetStreamDomain="hub")).nats
    assert (given.inbox_prefix, given.api) == ("_INBOX.metdc", "$JS.hub.API")


def test_credentials_are_read_from_their_folder(tmp_path: Path) -> None:
    given = made(credentials=tmp_path, **nats(credentialsSecretRef={"name": "x"}, tls={"caSecretRef": {"name": "y"}}))
    assert given.nats.credentials == tmp_path


def test_a_handshake_before_the_greeting_needs_no_secret() -> None:
    assert made(**nats(tls={"handshakeFirst": True})).nats.handshake_first


# -- what the resource may say


def schema() -> dict[str, Any]:
    [text] = [path.read_text() for path in CRD.glob("*exchangecollector*.yaml")]
    version = yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: dict[str, Any] = version["properties"]["spec"]["properties"]
    return found


def test_every_field_of_the_resource_is_read_passed_or_refused() -> None:
    fields = schema().keys()
    refusals = {name for name in fields if name not in settings._SPEC | settings._POD}
    assert refusals == set()
    assert fields >= settings._SPEC | settings._POD


@pytest.mark.parametrize("name", ["colour"])
def test_a_field_without_behaviour_is_refused_by_name(name: str) -> None:
    assert refused(**{name: {}}) == f"spec.{name}: is not supported yet; remove it"


def test_the_spool_is_a_gibibyte_in_the_folder_that_the_environment_names() -> None:
    found = read(config({}), credentials=None, spool=Path("/spool"))
    assert (found.spool, found.spool_bytes) == (Path("/spool"), 1024**3)
    assert read(config({"spool": {"maxBytes": "64Ki"}}), credentials=None).spool_bytes == 64 * 1024
    assert read(config({}), credentials=None).spool is None


@pytest.mark.parametrize("name", sorted(settings._POD | {"rotation", "suspend"}))
def test_a_field_of_the_pod_is_the_operators_business(name: str) -> None:
    assert read(config({name: "whatever"}), credentials=None).venue.exchange == "binance"


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (("nats",), settings._NATS),
        (("nats", "tls"), settings._TLS),
        (("nats", "stream"), settings._STREAM),
        (("symbols",), settings._SYMBOLS),
        (("endpoints",), settings._ENDPOINTS),
        (("spool",), settings._SPOOL),
    ],
)
def test_every_field_within_a_section_is_known(place: tuple[str, ...], known: Any) -> None:
    node: dict[str, Any] = {"properties": schema()}
    for name in place:
        node = node["properties"][name]
    assert node["properties"].keys() == set(known)


def test_every_field_of_a_market_is_known() -> None:
    assert schema()["markets"]["items"]["properties"].keys() == settings._MARKET


# -- refusals

SPOT_WITH = "spec.markets[0]"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"spool": {"maxBytes": 0}}, "spec.spool.maxBytes: 0 must be above 0"),
        ({"spool": {"maxBytes": "much"}}, "spec.spool.maxBytes: 'much' is no size"),
        ({"spool": {"folder": "/tmp"}}, "spec.spool.folder: is not supported yet; remove it"),
        ({"markets": "spot"}, "spec.markets: must be a list of objects"),
        ({"markets": ["spot"]}, "spec.markets: must be a list of objects"),
        ({"markets": [{"name": "futures"}]}, "market: spot is not in spec.markets, which has futures"),
        ({"markets": [{"name": "spot", "spool": {}}]}, f"{SPOT_WITH}.spool: is not supported yet"),
        ({"markets": [{"name": "spot", "symbols": {"x": 1}}]}, f"{SPOT_WITH}.symbols.x: is not supported yet"),
        ({"markets": [{"name": "spot", "symbols": []}]}, f"{SPOT_WITH}.symbols: must be an object"),
        ({"markets": [{"name": "spot", "endpoints": {"rest": "ftp://a"}}]}, f"{SPOT_WITH}.endpoints.rest: 'ftp://a'"),
        ({"endpoints": "http://a"}, "spec.endpoints: must be an object"),
        ({"endpoints": {"rest": "ws://a"}}, "spec.endpoints.rest: 'ws://a' must begin with http:// or https://"),
        ({"endpoints": {"webSocket": 7}}, "spec.endpoints.webSocket: 7 must begin with ws:// or wss://"),
        ({"endpoints": {"grpc": "a"}}, "spec.endpoints.grpc: is not supported yet; remove it"),
        ({"symbols": ["BTC"]}, "spec.symbols: must be an object"),
        ({"symbols": {"upbitKRW": "Only"}}, "spec.symbols.upbitKRW: 'Only' is none of Ignore, Include, Exclude"),
        ({"symbols": {"upbitKRW": None}}, "spec.symbols.upbitKRW: None is none of Ignore, Include, Exclude"),
        ({"symbols": {"quotes": "USDT"}}, "spec.symbols.quotes: must be a list of texts"),
        ({"symbols": {"include": [7]}}, "spec.symbols.include: must be a list of texts"),
        ({"symbols": {"exclude": [""]}}, "spec.symbols.exclude: must be a list of texts"),
        ({"nats": None}, "spec.nats.urls: must name at least one server"),
        ({"nats": "nats://a"}, "spec.nats: must be an object"),
        (nats(urls="nats://a"), "spec.nats.urls: must name at least one server"),
        (nats(urls=["nats://a", "http://b"]), "spec.nats.urls[1]: 'http://b' must begin with one of nats://, tls://"),
        (nats(urls=["wss://a"]), "spec.nats.urls[0]: 'wss://a' must begin with one of nats://, tls://"),
        (nats(urls=[7]), "spec.nats.urls[0]: 7 must begin"),
        (nats(user="me"), "spec.nats.user: is not supported yet; remove it"),
        (nats(tls=True), "spec.nats.tls: must be an object"),
        (nats(tls={"insecure": True}), "spec.nats.tls.insecure: is not supported yet"),
        (nats(tls={"handshakeFirst": "yes"}), "spec.nats.tls.handshakeFirst: must be true or false"),
        (nats(credentialsSecretRef={"name": "x"}), "spec.nats.credentialsSecretRef: METDC_NATS_CREDENTIALS must name"),
        (nats(tls={"caSecretRef": {"name": "x"}}), "spec.nats.tls.caSecretRef: METDC_NATS_CREDENTIALS must name"),
        (nats(tls={"certSecretRef": {"name": "x"}}), "spec.nats.tls.certSecretRef: METDC_NATS_CREDENTIALS must name"),
        (nats(inboxPrefix="_INBOX.>"), "spec.nats.inboxPrefix: '_INBOX.>' must be letters"),
        (nats(inboxPrefix="a b\r\n"), "spec.nats.inboxPrefix: "),
        (nats(jetStreamDomain="a.b"), "spec.nats.jetStreamDomain: 'a.b' must be letters"),
        (nats(jetStreamDomain=7), "spec.nats.jetStreamDomain: 7 must be letters"),
        (stream(name="my stream"), "spec.nats.stream.name: 'my stream' must be letters"),
        (stream(subjects=[]), "spec.nats.stream.subjects: is not supported yet"),
        (stream(management="Own"), "spec.nats.stream.management: 'Own' is neither Ensure nor Observe"),
        (stream(replicas="3"), "spec.nats.stream.replicas: '3' must be 1, 3 or 5"),
        (stream(replicas=True), "spec.nats.stream.replicas: True must be 1, 3 or 5"),
        (stream(replicas=2), "spec.nats.stream.replicas: 2 must be 1, 3 or 5"),
        (stream(maxAge="1d"), "spec.nats.stream.maxAge: '1d' is no duration"),
        (stream(maxAge="0s"), "spec.nats.stream.maxAge: '0s' must be above 0"),
        (stream(maxAge="9999999999999h"), "spec.nats.stream.maxAge: '9999999999999h' must be above 0 and less than"),
        (stream(maxAge=60), "spec.nats.stream.maxAge: '60' is no duration"),
        (stream(duplicateWindow="9" * 5000 + "s"), "spec.nats.stream.duplicateWindow: "),
        (stream(maxBytes="lots"), "spec.nats.stream.maxBytes: 'lots' is no size"),
        (stream(maxBytes=0), "spec.nats.stream.maxBytes: 0 must be above 0"),
        (stream(maxBytes="1e3"), "spec.nats.stream.maxBytes: '1e3' is no size"),
        (stream(maxBytes="9" * 5000), "spec.nats.stream.maxBytes: "),
    ],
)
def test_a_field_that_is_wrong_is_named(spec: dict[str, Any], message: str) -> None:
    assert refused(**spec).startswith(message)


def test_a_pod_may_be_one_of_two_and_of_a_market_that_is_split() -> None:
    settings = read(config({"redundancy": 2}, shard=1, shards=3), credentials=None)
    assert (settings.config.shard, settings.config.shards) == (1, 3)


WHOLE: dict[str, Any] = {
    "markets": [{"name": "spot", "shards": 1, "symbols": {"quotes": ["USDT"]}, "endpoints": {"rest": "http://a"}}],
    "symbols": {"quotes": ["USDT"], "include": ["BTC"], "exclude": [], "upbitKRW": "Ignore"},
    "redundancy": 1,
    "endpoints": {"rest": "http://a", "webSocket": "ws://a"},
    "nats": NATS
    | {
        "tls": {"handshakeFirst": False},
        "stream": {"name": "S", "management": "Ensure", "replicas": 1, "maxAge": "1h", "maxBytes": "1Gi"},
        "inboxPrefix": "_INBOX",
        "jetStreamDomain": "d",
    },
}


PLACES: list[tuple[Any, ...]] = [
    *((name,) for name in WHOLE),
    *(("markets", 0, name) for name in ("name", "shards", "symbols", "endpoints")),
    *(("nats", name) for name in ("urls", "tls", "stream", "inboxPrefix", "jetStreamDomain")),
    *(("nats", "stream", name) for name in ("name", "management", "replicas", "maxAge", "maxBytes")),
]


@given(st.sampled_from(PLACES), examples.junk)
def test_junk_in_any_place_is_read_or_refused_by_the_name_of_a_field(place: tuple[Any, ...], junk: Any) -> None:
    spec = copy.deepcopy(WHOLE)
    node: Any = spec
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = junk
    said = ""
    try:
        made(**spec)
    except InvalidSettings as refusal:
        said = str(refusal)
    assert not said or said.startswith(("spec.", "market: "))
