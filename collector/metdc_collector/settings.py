"""A pod's configuration, read into what the collector's parts need.

A field that has no behaviour yet is refused by name, never ignored; so is a value that is wrong by itself. Fields of
the pod itself (resources, tolerations, …) are the operator's business and pass.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

from metdc_collector.exchanges.base import Endpoints, Venue
from metdc_collector.exchanges.registry import UnknownMarketError, venue
from metdc_collector.publisher.link import NatsSettings
from metdc_collector.universe import Selection, UpbitKRW
from metdc_collector.wire import durations
from metdc_collector.wire.config import PodConfig
from metdc_collector.wire.sizes import parse as parse_size
from metdc_collector.wire.streams import StreamSpec, trades_stream

# Also ws:// and wss:// would need aiohttp, 7 MB that no collector pays for.
_SCHEMES = ("nats://", "tls://")

_SPEC = frozenset(
    {
        *("exchange", "markets", "symbols", "rotation", "redundancy", "nats", "endpoints", "suspend"),
        *("exchangeCredentialsSecretRef", "spool"),
    }
)
_POD = frozenset(
    {
        *("image", "resources", "imagePullPolicy", "imagePullSecrets", "nodeSelector", "tolerations", "affinity"),
        *("topologySpreadConstraints", "priorityClassName", "podLabels", "podAnnotations", "env", "extraCA"),
    }
)
_NATS = frozenset({"urls", "credentialsSecretRef", "tls", "stream", "inboxPrefix", "jetStreamDomain"})
_TLS = frozenset({"caSecretRef", "certSecretRef", "handshakeFirst"})
_STREAM = frozenset({"name", "management", "replicas", "maxAge", "maxBytes", "duplicateWindow"})
_MARKET = frozenset({"name", "shards", "symbols", "resources", "endpoints"})
_SYMBOLS = frozenset({"quotes", "include", "exclude", "upbitKRW"})
_SPOOL = frozenset({"maxBytes"})
_ENDPOINTS: Mapping[str, tuple[str, ...]] = {"rest": ("http://", "https://"), "webSocket": ("ws://", "wss://")}
SPOOL_BYTES = 1024**3
"""What may wait on disk, where ``spec.spool`` does not say."""
# JetStream counts bytes and nanoseconds in 63 bits; 0 would mean without limit to it.
_MOST = 2**63 - 1
# Names of streams and domains, and subjects' tokens: anything else would end a line of NATS' protocol early.
_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
# An API key becomes a header: a space or a line break would end it early.
_KEY = re.compile(r"[!-~]{1,500}", re.ASCII)
_TOKENS = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)


class InvalidSettings(ValueError):
    """The configuration is wrong by itself; the text names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one collector process does."""

    config: PodConfig
    venue: Venue
    endpoints: Endpoints
    selection: Selection
    nats: NatsSettings
    stream: StreamSpec
    extra_ca: Path | None = None
    """Certificate authorities, PEM, that are trusted for the venue beside the system's own."""
    key: str | None = field(default=None, repr=False)
    """The exchange's API key, for requests of past trades that want one; null without."""
    krw_rest: str | None = None
    """The REST base address at which Upbit's KRW market is read; null where the selection does not ask for it."""
    spool: Path | None = None
    """The folder below which trades may wait on disk; null for none."""
    spool_bytes: int = SPOOL_BYTES
    """What may wait there, of this process and those that it follows."""

    @property
    def limit_share(self) -> Fraction:
        """The part of each per-address limit that this process may use."""
        return self.config.limit_share


def read(
    config: PodConfig,
    *,
    credentials: Path | None,
    exchange_credentials: Path | None = None,
    extra_ca: Path | None = None,
    upbit_rest: str | None = None,
    spool: Path | None = None,
) -> Settings:
    """Read a pod's configuration, and what its environment gives.

    ``credentials`` is the folder of NATS credentials, ``exchange_credentials`` that of the exchange's, ``extra_ca`` a
    file, ``upbit_rest`` a base address, ``spool`` the folder where trades may wait.

    Raises:
        InvalidSettings: naming the field and the remedy.
    """
    spec = config.spec
    _known("spec", spec, _SPEC | _POD)
    try:
        market_venue = venue(config.exchange, config.market)
    except UnknownMarketError as error:
        raise InvalidSettings(f"spec.exchange: {error}") from None
    path, market = _market(spec, config.market)
    nats = _section("spec", spec, "nats", _NATS)
    endpoints = Endpoints(
        rest=_address("rest", path, market, spec) or market_venue.endpoints.rest,
        web_socket=_address("webSocket", path, market, spec) or market_venue.endpoints.web_socket,
    )
    # A market's own symbols replace those of the resource as a whole.
    selection = _selection(*((path, market) if market.get("symbols") is not None else ("spec", spec)), market_venue)
    return Settings(
        config=config,
        venue=market_venue,
        endpoints=endpoints,
        selection=selection,
        nats=_nats(nats, credentials),
        stream=_stream(config, _section("spec.nats", nats, "stream", _STREAM)),
        extra_ca=extra_ca,
        key=_key(spec, exchange_credentials),
        krw_rest=_krw_rest(config.exchange, endpoints.rest, upbit_rest) if selection.upbit_krw != "Ignore" else None,
        spool=spool,
        spool_bytes=_spool_bytes(spec),
    )


def _spool_bytes(spec: Mapping[str, Any]) -> int:
    most = _section("spec", spec, "spool", _SPOOL).get("maxBytes")
    return SPOOL_BYTES if most is None else _positive(parse_size, "spec.spool.maxBytes", most)


def upbit_address(given: str | None) -> str:
    """Return the REST base address of Upbit: the one that ``METDC_UPBIT_REST`` gives, if any, else its own.

    Raises:
        InvalidSettings: when it is none.
    """
    if not given:
        return venue("upbit", "spot").endpoints.rest
    schemes = _ENDPOINTS["rest"]
    if not given.startswith(schemes):
        raise InvalidSettings(f"METDC_UPBIT_REST: {given!r} must begin with {' or '.join(schemes)}")
    return given.rstrip("/")


def _krw_rest(exchange: str, own: str, given: str | None) -> str:
    """Upbit's own collector reads its KRW market where it reads its list."""
    return own if exchange == "upbit" else upbit_address(given)


def _key(spec: Mapping[str, Any], folder: Path | None) -> str | None:
    """The API key in a folder of the exchange's credentials; nothing ever shows it."""
    if folder is None:
        if spec.get("exchangeCredentialsSecretRef") is not None:
            variable = "METDC_EXCHANGE_CREDENTIALS"
            words = f"{variable} must name the folder with the Secret's key apiKey as a file"
            raise InvalidSettings(f"spec.exchangeCredentialsSecretRef: {words}")
        return None
    file = folder / "apiKey"
    try:
        key = file.read_text().strip()
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"METDC_EXCHANGE_CREDENTIALS: {file} cannot be read: {type(error).__name__}") from None
    if _KEY.fullmatch(key) is None:
        raise InvalidSettings(
            f"METDC_EXCHANGE_CREDENTIALS: {file} holds no API key: 1 to 500 characters without spaces"
        )
    return key


def _known(path: str, record: Mapping[str, Any], known: Collection[str]) -> None:
    for name in record:
        if name not in known:
            raise InvalidSettings(f"{path}.{name}: is not supported yet; remove it")


def _section(path: str, record: Mapping[str, Any], name: str, known: Collection[str]) -> dict[str, Any]:
    value = record.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidSettings(f"{path}.{name}: must be an object")
    _known(f"{path}.{name}", value, known)
    return value


def _text(path: str, record: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str | None:
    value = record.get(name)
    if value is not None and (not isinstance(value, str) or form.fullmatch(value) is None):
        raise InvalidSettings(f"{path}.{name}: {value!r} must be letters, digits, _ and -")
    return value


def _market(spec: Mapping[str, Any], market: str) -> tuple[str, Mapping[str, Any]]:
    """Return the market's own fields, and the path to them."""
    entries = spec.get("markets") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidSettings("spec.markets: must be a list of objects, such as [{name: spot}]")
    for place, entry in enumerate(entries):
        if entry.get("name") == market:
            path = f"spec.markets[{place}]"
            _known(path, entry, _MARKET)
            return path, entry
    if entries:
        names = ", ".join(str(entry.get("name")) for entry in entries)
        raise InvalidSettings(f"market: {market} is not in spec.markets, which has {names}")
    return "spec.markets", {}


def _address(name: str, path: str, market: Mapping[str, Any], spec: Mapping[str, Any]) -> str | None:
    for at, record in ((path, market), ("spec", spec)):
        address = _section(at, record, "endpoints", _ENDPOINTS).get(name)
        if address is None:
            continue
        schemes = _ENDPOINTS[name]
        if not isinstance(address, str) or not address.startswith(schemes):
            raise InvalidSettings(f"{at}.endpoints.{name}: {address!r} must begin with {' or '.join(schemes)}")
        return address.rstrip("/")
    return None


def _selection(path: str, record: Mapping[str, Any], market_venue: Venue) -> Selection:
    symbols = _section(path, record, "symbols", _SYMBOLS)
    upbit_krw = symbols.get("upbitKRW", "Ignore")
    if upbit_krw not in get_args(UpbitKRW):
        raise InvalidSettings(f"{path}.symbols.upbitKRW: {upbit_krw!r} is none of {', '.join(get_args(UpbitKRW))}")

    def names(name: str) -> tuple[str, ...]:
        value = symbols.get(name) or []
        if not isinstance(value, list) or not all(isinstance(entry, str) and entry for entry in value):
            raise InvalidSettings(f"{path}.symbols.{name}: must be a list of texts")
        return tuple(value)

    quotes = names("quotes") or market_venue.default_quotes
    return Selection(quotes=quotes, include=names("include"), exclude=names("exclude"), upbit_krw=upbit_krw)


def _nats(nats: Mapping[str, Any], credentials: Path | None) -> NatsSettings:
    urls = nats.get("urls")
    if not isinstance(urls, list) or not urls:
        raise InvalidSettings("spec.nats.urls: must name at least one server, such as nats://nats:4222")
    for place, url in enumerate(urls):
        if not isinstance(url, str) or not url.startswith(_SCHEMES):
            raise InvalidSettings(f"spec.nats.urls[{place}]: {url!r} must begin with one of {', '.join(_SCHEMES)}")
    tls = _section("spec.nats", nats, "tls", _TLS)
    handshake_first = tls.get("handshakeFirst", False)
    if not isinstance(handshake_first, bool):
        raise InvalidSettings("spec.nats.tls.handshakeFirst: must be true or false")
    wants_files = ["credentialsSecretRef"] if nats.get("credentialsSecretRef") else []
    wants_files += [f"tls.{name}" for name in ("caSecretRef", "certSecretRef") if tls.get(name)]
    if wants_files and credentials is None:
        raise InvalidSettings(
            f"spec.nats.{wants_files[0]}: METDC_NATS_CREDENTIALS must name the folder with the Secret's keys as files"
        )
    return NatsSettings(
        urls=tuple(urls),
        credentials=credentials,
        handshake_first=handshake_first,
        inbox_prefix=_text("spec.nats", nats, "inboxPrefix", _TOKENS) or "_INBOX",
        domain=_text("spec.nats", nats, "jetStreamDomain", _NAME),
    )


def _stream(config: PodConfig, stream: Mapping[str, Any]) -> StreamSpec:
    path = "spec.nats.stream"
    management = stream.get("management", "Ensure")
    if management not in ("Ensure", "Observe"):
        raise InvalidSettings(f"{path}.management: {management!r} is neither Ensure nor Observe")
    sizes: dict[str, Any] = {"management": management}
    if (replicas := stream.get("replicas")) is not None:
        if type(replicas) is not int or replicas not in (1, 3, 5):
            raise InvalidSettings(f"{path}.replicas: {replicas!r} must be 1, 3 or 5, since a majority must agree")
        sizes["replicas"] = replicas
    for name, size, parse in (
        ("maxAge", "max_age", durations.parse),
        ("maxBytes", "max_bytes", parse_size),
        ("duplicateWindow", "duplicate_window", durations.parse),
    ):
        if stream.get(name) is not None:
            number = _positive(parse, f"{path}.{name}", stream[name])
            sizes[size] = number // durations.SECOND if parse is durations.parse else number
    return trades_stream(config.exchange, [config.market], _text(path, stream, "name", _NAME), **sizes)


def _positive(parse: Callable[[str], int], path: str, value: object) -> int:
    try:
        number = parse(str(value))
    except ValueError as error:
        raise InvalidSettings(f"{path}: {error}") from None
    if not 0 < number <= _MOST:
        raise InvalidSettings(f"{path}: {value!r} must be above 0 and less than {_MOST} (ns or bytes)")
    return number
