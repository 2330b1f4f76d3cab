"""``metdc verify`` as a person calls it; what it finds is shown against the simulator."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.running import run

NOBODY = {"binance": {"spot": {"rest": "http://127.0.0.1:1", "webSocket": "ws://127.0.0.1:1"}}}


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """The process's logging as it was, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def addresses(folder: Path, content: object) -> Path:
    path = folder / "addresses.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("arguments", [(), ("--market", "okx"), ("--market", "binance.spot")])
def test_no_exchange_is_asked_without_being_told_so(arguments: tuple[str, ...]) -> None:
    result = run("verify", *arguments)
    assert result.exit_code == 2
    assert "would be asked at the exchange itself: --live allows it, --endpoints names other addresses" in result.stderr
    assert result.stderr.count("\n") == 1


def test_other_addresses_allow_only_what_they_name(tmp_path: Path) -> None:
    result = run("verify", "--endpoints", addresses(tmp_path, NOBODY), "--market", "binance")
    assert result.exit_code == 2
    assert "binance.futures would be asked at the exchange itself" in result.stderr


@pytest.mark.parametrize("content", [NOBODY, {"control": "http://127.0.0.1:1", "venues": NOBODY}])
def test_what_cannot_be_reached_is_not_seen_and_that_is_no_success(tmp_path: Path, content: object) -> None:
    result = run("verify", "--endpoints", addresses(tmp_path, content), "--json")
    assert result.exit_code == 2
    (record,) = map(json.loads, result.stdout.splitlines())
    assert (record["exchange"], record["market"]) == ("binance", "spot")
    assert {each["verdict"] for each in record["assumptions"]} == {"not seen"}
    assert record["problems"][0].startswith("http://127.0.0.1:1/api/v3/exchangeInfo")


def test_a_table_names_each_assumption_and_what_went_wrong(tmp_path: Path) -> None:
    result = run("verify", "--endpoints", addresses(tmp_path, NOBODY))
    assert "binance.spot" in result.stdout
    assert all(heading in result.stdout for heading in ("assumption", "expected", "observed", "verdict"))
    assert "http://127.0.0.1:1/api/v3/exchangeInfo" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--live", "--market", "nasdaq"), "unknown exchange 'nasdaq'"),
        (("--live", "--market", "upbit.futures"), "unknown market 'futures' of upbit; there are: spot"),
        (("--live", "--minutes", "0"), "'--minutes'"),
    ],
)
def test_bad_usage_is_one_line_with_the_remedy(arguments: tuple[str, ...], message: str) -> None:
    result = run("verify", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("content", [[], {"binance": []}, {"binance": {"spot": {"rest": "http://127.0.0.1:1"}}}])
def test_addresses_in_another_form_are_refused(tmp_path: Path, content: object) -> None:
    result = run("verify", "--endpoints", addresses(tmp_path, content))
    assert result.exit_code == 2
    assert "--endpoints: not the JSON that --help shows" in result.stderr


def test_addresses_of_an_unknown_market_are_refused(tmp_path: Path) -> None:
    place = NOBODY["binance"]["spot"]
    result = run("verify", "--endpoints", addresses(tmp_path, {"nasdaq": {"spot": place}}))
    assert result.exit_code == 2
    assert "unknown exchange 'nasdaq'" in result.stderr


def test_a_file_of_authorities_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METDC_EXTRA_CA", str(tmp_path / "none.crt"))
    result = run("verify", "--live", "--market", "upbit")
    assert result.exit_code == 2
    assert f"METDC_EXTRA_CA: {tmp_path}/none.crt cannot be used: No such file or directory" in result.stderr
