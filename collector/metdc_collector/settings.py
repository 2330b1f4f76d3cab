"""A pod's configuration, read into what the collector's parts need.

A field that has no behaviour yet is refused by name, never ignored; so is a value that is wrong by itself. Fields of
the pod itself (resources, tolerations, …) are the operator's business and pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from metdc_collector.exchanges.base import Endpoints, Venue
from metdc_collector.exchanges.registry import UnknownMarketError, venue
from metdc_collector.publisher.link import NatsSettings
from metdc_collector.universe import DEFAULT_QUOTES, Selection
from metdc_collector.wire import durations
from metdc_collector.wire import sizes as sizes_of
from metdc_collector.wire.config import PodConfig
from metdc_collector.wire.streams import StreamSpec, trades_stream

# Also ws:// and wss:// would need aiohttp, 7 MB that no collector pays for.
_SCHEMES = ("nats://", "tls://")

_SPEC = frozenset({"exchange", "markets", "symbols", "rotation", "redundancy", "nats", "endpoints", "suspend"})
_POD = frozenset(
    {
        *("image", "resources", "imagePullPolicy", "imagePullSecrets", "nodeSelector", "tolerations", "affinity"),
        *("topologySpreadConstraints", "priorityClassName", "podLabels", "podAnnotations", "env", "extraCA"),
    }
)
_NATS = frozenset({"urls", "credentialsSecretRef", "tls", "stream", "inboxPrefix", "jetStreamDomain"})
_STREAM = frozenset({"name", "management", "replicas", "maxAge", "maxBytes", "duplicateWindow"})


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

    @property
    def limit_share(self) -> Fraction:
        """The part of each per-address limit that this process may use."""
        return self.config.limit_share


def read(config: PodConfig, *, credentials: Path | None, extra_ca: Path | None = None) -> Settings:
    """Read a pod's configuration; ``credentials`` is the folder of NATS credentials, ``extra_ca`` a file, if given.

    Raises:
        InvalidSettings: naming the field and the remedy.
    """
    spec = config.spec
    _known("spec", spec, _SPEC | _POD)
    try:
        market_venue = venue(config.exchange, config.market)
    except UnknownMarketError as error:
        raise InvalidSettings(f"spec.exchange: {error}") from None
    if config.shards != 1:
        raise InvalidSettings("shards: a market can't be split yet; set spec.markets[].shards to 1")
    if spec.get("redundancy", 1) != 1:
        raise InvalidSettings("spec.redundancy: only 1 is supported yet")
    market = _market(spec, config.market)
    endpoints = {**(spec.get("endpoints") or {}), **(market.get("endpoints") or {})}
    _known("spec.endpoints", endpoints, frozenset({"rest", "webSocket"}))
    nats = spec.get("nats") or {}
    _known("spec.nats", nats, _NATS)
    return Settings(
        config=config,
        venue=market_venue,
        endpoints=Endpoints(
            rest=_address(endpoints, "rest", ("http://", "https://")) or market_venue.endpoints.rest,
            web_socket=_address(endpoints, "webSocket", ("ws://", "wss://")) or market_venue.endpoints.web_socket,
        ),
        selection=_selection({**(spec.get("symbols") or {}), **(market.get("symbols") or {})}),
        nats=_nats(nats, credentials),
        stream=_stream(config, nats.get("stream") or {}),
        extra_ca=extra_ca,
    )


def _known(path: str, record: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in record:
        if name not in known:
            raise InvalidSettings(f"{path}.{name}: is not supported yet; remove it")


def _market(spec: Mapping[str, Any], market: str) -> Mapping[str, Any]:
    entries = spec.get("markets") or []
    for place, entry in enumerate(entries):
        if entry.get("name") == market:
            _known(f"spec.markets[{place}]", entry, frozenset({"name", "shards", "symbols", "resources", "endpoints"}))
            return dict(entry)
    if entries:
        names = ", ".join(str(entry.get("name")) for entry in entries)
        raise InvalidSettings(f"market: {market} is not in spec.markets, which has {names}")
    return {}


def _address(endpoints: Mapping[str, Any], name: str, schemes: tuple[str, ...]) -> str | None:
    address = endpoints.get(name)
    if address is None:
        return None
    if not isinstance(address, str) or not address.startswith(schemes):
        raise InvalidSettings(f"spec.endpoints.{name}: {address!r} must begin with {' or '.join(schemes)}")
    return address.rstrip("/")


def _selection(symbols: Mapping[str, Any]) -> Selection:
    _known("spec.symbols", symbols, frozenset({"quotes", "include", "exclude", "upbitKRW"}))
    if symbols.get("upbitKRW", "Ignore") != "Ignore":
        raise InvalidSettings("spec.symbols.upbitKRW: only Ignore is supported yet")
    for name in ("quotes", "include", "exclude"):
        value = symbols.get(name, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) and entry for entry in value):
            raise InvalidSettings(f"spec.symbols.{name}: must be a list of texts")
    return Selection(
        quotes=tuple(symbols.get("quotes") or DEFAULT_QUOTES),
        include=tuple(symbols.get("include") or ()),
        exclude=tuple(symbols.get("exclude") or ()),
    )


def _nats(nats: Mapping[str, Any], credentials: Path | None) -> NatsSettings:
    urls = nats.get("urls")
    if not isinstance(urls, list) or not urls:
        raise InvalidSettings("spec.nats.urls: must name at least one server, such as nats://nats:4222")
    for place, url in enumerate(urls):
        if not isinstance(url, str) or not url.startswith(_SCHEMES):
            raise InvalidSettings(f"spec.nats.urls[{place}]: {url!r} must begin with one of {', '.join(_SCHEMES)}")
    tls = nats.get("tls") or {}
    wants_files = [
        name
        for name, given in (
            ("credentialsSecretRef", nats.get("credentialsSecretRef")),
            ("tls.caSecretRef", tls.get("caSecretRef")),
            ("tls.certSecretRef", tls.get("certSecretRef")),
        )
        if given
    ]
    if wants_files and credentials is None:
        raise InvalidSettings(
            f"spec.nats.{wants_files[0]}: METDC_NATS_CREDENTIALS must name the folder with the Secret's keys as files"
        )
    return NatsSettings(
        urls=tuple(urls),
        credentials=credentials,
        handshake_first=bool(tls.get("handshakeFirst", False)),
        inbox_prefix=nats.get("inboxPrefix") or "_INBOX",
        domain=nats.get("jetStreamDomain"),
    )


def _stream(config: PodConfig, stream: Mapping[str, Any]) -> StreamSpec:
    _known("spec.nats.stream", stream, _STREAM)
    management = stream.get("management", "Ensure")
    if management not in ("Ensure", "Observe"):
        raise InvalidSettings(f"spec.nats.stream.management: {management!r} is neither Ensure nor Observe")
    sizes: dict[str, Any] = {"management": management}
    if "replicas" in stream:
        sizes["replicas"] = int(stream["replicas"])
    if "maxAge" in stream:
        sizes["max_age"] = _read(_seconds, "spec.nats.stream.maxAge", stream["maxAge"])
    if "maxBytes" in stream:
        sizes["max_bytes"] = _read(sizes_of.parse, "spec.nats.stream.maxBytes", stream["maxBytes"])
    if "duplicateWindow" in stream:
        sizes["duplicate_window"] = _read(_seconds, "spec.nats.stream.duplicateWindow", stream["duplicateWindow"])
    return trades_stream(config.exchange, [config.market], stream.get("name"), **sizes)


def _seconds(text: str) -> int:
    return durations.parse(text) // durations.SECOND


def _read(parse: Callable[[str], int], path: str, value: object) -> int:
    try:
        return parse(str(value))
    except ValueError as error:
        raise InvalidSettings(f"{path}: {error}") from None
