"""The process of a pod: a configuration that is wrong by itself ends it with 2 and a remedy."""

import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metdc_collector.__main__ import main

CONFIG = {
    "version": 1,
    "namespace": "default",
    "name": "binance",
    "uid": "1",
    "market": "spot",
    "slot": "2026-11-23T10:00:00Z",
    "spec": {
        "exchange": "binance",
        "symbols": {"upbitKRW": "Include"},
        "nats": {"urls": ["nats://127.0.0.1:1"]},
    },
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of ours, and the process's logging as it was afterwards."""
    for name in [name for name in os.environ if name.startswith("METDC_")]:
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def configured(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setenv("METDC_CONFIG", json.dumps(CONFIG | changes))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_without_a_configuration_it_tells_where_one_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert said(capsys) == (
        "metdc_collector: no configuration: give --config FILE, or set METDC_CONFIG to the JSON itself\n"
    )


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--config", str(tmp_path / "nowhere.json")]) == 2
    assert "nowhere.json" in said(capsys)


def test_a_file_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(b"\xff\xfe")
    assert main(["--config", str(tmp_path / "config")]) == 2
    assert said(capsys).startswith("metdc_collector: ")


def test_a_file_is_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config").write_text(json.dumps(CONFIG | {"market": "options"}))
    assert main(["--config", str(tmp_path / "config")]) == 2
    assert "options" in said(capsys)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "metdc_collector: pod configuration: version: 2 is not 1\n"),
        ({"limitShare": "2"}, "metdc_collector: pod configuration: limitShare: '2' is not a fraction above 0"),
        ({"spec": {"exchange": "mtgox"}}, "metdc_collector: spec.exchange: "),
        ({"spec": {"exchange": "binance"}}, "metdc_collector: spec.nats.urls: must name at least one server"),
        ({"spec": {"exchange": "binance", "colour": {}}}, "metdc_collector: spec.colour: is not supported yet"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str
) -> None:
    configured(monkeypatch, **changes)
    assert main([]) == 2
    assert said(capsys).startswith(message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("METDC_NATS_CREDENTIALS", "/nowhere", "METDC_NATS_CREDENTIALS: '/nowhere' is no folder"),
        ("METDC_EXCHANGE_CREDENTIALS", "/nowhere", "METDC_EXCHANGE_CREDENTIALS: '/nowhere' is no folder"),
        ("METDC_EXTRA_CA", "/nowhere", "METDC_EXTRA_CA: '/nowhere' is no file"),
        ("METDC_UPBIT_REST", "api", "METDC_UPBIT_REST: 'api' must begin with http:// or https://"),
        ("METDC_DIVIDE_TIMERS", "0", "METDC_DIVIDE_TIMERS: '0' is not a number from 1 to 1000"),
        ("METDC_DIVIDE_TIMERS", "nan", "METDC_DIVIDE_TIMERS: 'nan' is not a number from 1 to 1000"),
        ("METDC_DIVIDE_TIMERS", "fast", "METDC_DIVIDE_TIMERS: 'fast' is not a number from 1 to 1000"),
        ("METDC_LOG_LEVEL", "loud", "log level 'loud' is none of debug, info, warning, error"),
    ],
)
def test_a_variable_that_is_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, message: str
) -> None:
    configured(monkeypatch)
    monkeypatch.setenv(name, value)
    assert main([]) == 2
    assert said(capsys) == f"metdc_collector: {message}\n"


@pytest.mark.parametrize("address", ["8080x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "a:99999", "a:²", "a:-1"])
def test_an_address_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    configured(monkeypatch)
    assert main(["--http", address]) == 2
    assert said(capsys) == f"metdc_collector: --http: {address!r} is not HOST:PORT\n"


def test_an_authority_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    configured(monkeypatch)
    (tmp_path / "ca.crt").write_text("nothing")
    monkeypatch.setenv("METDC_EXTRA_CA", str(tmp_path / "ca.crt"))
    assert main(["--http", "127.0.0.1:0"]) == 2
    assert "METDC_EXTRA_CA: " in said(capsys)


def test_a_port_that_is_taken_is_named() -> None:
    """In a process of its own: the collector listens for signals."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "metdc_collector", "--http", f"127.0.0.1:{port}"],
            env=os.environ | {"METDC_CONFIG": json.dumps(CONFIG)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 2
    assert f"--http: cannot listen on 127.0.0.1:{port}: " in ended.stderr


def test_an_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--colour"])
    assert end.value.code == 2
    assert "--colour" in said(capsys)


def test_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "2 invalid configuration" in " ".join(capsys.readouterr().out.split())
