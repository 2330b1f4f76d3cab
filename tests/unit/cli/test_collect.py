"""``metdc collect``: from words on a line to the configuration that a pod would have."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from metdc_collector.cli import collect_command
from metdc_collector.settings import Settings, read
from metdc_collector.universe import Selection
from metdc_collector.wire import config
from metdc_collector.wire.config import PodConfig
from tests.unit.cli.running import run


class Started:
    """Stands for the collector: keeps what it was started with."""

    def __init__(self) -> None:
        self.config: PodConfig | None = None
        self.http = ""
        self.credentials: list[str] = []
        self.code = 0

    def __call__(self, config: PodConfig, *, http: str, port_file: str | None = None) -> int:
        self.config, self.http = config, http
        folder = os.environ.get("METDC_NATS_CREDENTIALS")
        self.credentials = sorted(os.listdir(folder)) if folder else []
        return self.code

    @property
    def settings(self) -> Settings:
        assert self.config is not None
        return read(config.decode(config.encode(self.config)), credentials=None)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    stand_in = Started()
    monkeypatch.setattr(collect_command, "start", stand_in)
    monkeypatch.setattr("metdc_collector.logs.configure", lambda level: None)
    monkeypatch.delenv("METDC_NATS_CREDENTIALS", raising=False)
    monkeypatch.delenv("NATS_URL", raising=False)
    yield stand_in
    os.environ.pop("METDC_NATS_CREDENTIALS", None)


def test_two_words_are_a_whole_configuration(started: Started) -> None:
    assert run("collect", "binance", "spot").exit_code == 0
    settings = started.settings
    assert (settings.config.exchange, settings.config.market) == ("binance", "spot")
    assert settings.nats.urls == ("nats://127.0.0.1:4222",)
    assert settings.selection.quotes == ("USDT",)
    assert settings.stream.name == "TRADES_BINANCE"


def test_the_options_reach_the_collector(started: Started) -> None:
    run(
        *("collect", "phemex", "futures", "--quote", "USDC", "--include", "BTC,ETH", "--exclude", "XRP"),
        *("--nats", "nats://a:4222", "--nats", "nats://b:4222", "--stream", "MINE", "--max-age", "2h"),
        *("--max-bytes", "1Gi", "--rest", "http://127.0.0.1:1/", "--web-socket", "ws://127.0.0.1:1"),
        *("--http", "127.0.0.1:9000"),
    )
    settings = started.settings
    assert settings.selection.quotes == ("USDC",)
    assert settings.selection.include == ("BTC", "ETH")
    assert settings.selection.exclude == ("XRP",)
    assert settings.nats.urls == ("nats://a:4222", "nats://b:4222")
    assert (settings.stream.name, settings.stream.max_age, settings.stream.max_bytes) == ("MINE", 7200, 2**30)
    assert (settings.endpoints.rest, settings.endpoints.web_socket) == ("http://127.0.0.1:1", "ws://127.0.0.1:1")
    assert started.http == "127.0.0.1:9000"


def test_the_filter_by_upbits_krw_market_reaches_the_collector(started: Started) -> None:
    run("collect", "gate", "spot", "--upbit-krw", "exclude")
    assert started.settings.selection == Selection(quotes=("USDT",), upbit_krw="Exclude")


def test_the_exit_code_is_the_collectors(started: Started) -> None:
    started.code = 1
    assert run("collect", "binance", "spot").exit_code == 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pod.json"
    made = PodConfig(
        namespace="n",
        name="mine",
        uid="u",
        market="spot",
        slot="s",
        spec={
            "exchange": "binance",
            "nats": {"urls": ["nats://of-the-file:4222"]},
            "symbols": {"quotes": ["USDC"]},
            "markets": [{"name": "spot", "endpoints": {"rest": "http://of-the-file"}}],
        },
    )
    path.write_text(config.encode(made))
    return path


def test_a_file_is_a_configuration_by_itself(started: Started, file: Path) -> None:
    assert run("collect", "--config", file).exit_code == 0
    settings = started.settings
    assert settings.config.name == "mine"
    assert settings.nats.urls == ("nats://of-the-file:4222",)
    assert settings.selection.quotes == ("USDC",)


def test_an_option_wins_over_the_file(started: Started, file: Path) -> None:
    run("collect", "--config", file, "--quote", "USDT", "--rest", "http://mine", "--nats", "nats://mine:4222")
    settings = started.settings
    assert settings.selection.quotes == ("USDT",)
    assert settings.endpoints.rest == "http://mine"
    assert settings.nats.urls == ("nats://mine:4222",)


def test_a_file_that_is_wrong_is_named_with_its_field(started: Started, file: Path) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shard": -1}))
    result = run("collect", "--config", file)
    assert result.exit_code == 2
    assert f"--config {file}: pod configuration: shard: must be an integer of at least 0" in result.stderr


def test_a_creds_file_becomes_the_folder_that_a_pod_would_have(started: Started, tmp_path: Path) -> None:
    creds = tmp_path / "me.creds"
    creds.write_text("secret")
    run("collect", "binance", "spot", "--creds", creds)
    assert started.credentials == ["user.creds"]


def test_a_folder_of_credentials_is_used_as_it_is(started: Started, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    run("collect", "binance", "spot", "--creds", tmp_path)
    assert started.credentials == ["token"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name EXCHANGE and MARKET, such as binance spot, or give --config FILE"),
        (("binance",), "name the MARKET of binance"),
        (("binanse", "spot"), "unknown exchange 'binanse'; there are: binance, bybit"),
        (("binance", "margin"), "unknown market 'margin' of binance; there are: spot, futures"),
        (("binance", "spot", "--log-level", "loud"), "'loud' is not one of"),
        (("binance", "spot", "--config", "/nowhere"), "'/nowhere' does not exist"),
    ],
)
def test_bad_usage_is_one_line_with_the_remedy(started: Started, arguments: tuple[str, ...], message: str) -> None:
    result = run("collect", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert started.config is None


def test_a_setting_that_is_wrong_by_itself_is_named_by_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metdc_collector.logs.configure", lambda level: None)
    result = run("collect", "binance", "spot", "--nats", "http://nats:4222")
    assert result.exit_code == 2
    assert "spec.nats.urls[0]: 'http://nats:4222' must begin with one of nats://" in result.stderr
