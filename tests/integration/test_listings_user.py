"""The chart's NATS user ``listings`` can do all that watcher and captures do, and the reader fetches what they keep."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.harness import metdc
from tests.integration.rig import CEILING, Simulator, simulator
from tests.integration.test_nats_users import Users, stored, users
from tests.integration.watching import events, watching

__all__ = ["stored", "users"]

pytestmark = pytest.mark.timeout(240)


def secret(users: Users, user: str, folder: Path) -> Path:
    """A folder as a pod's Secret would be."""
    made = folder / user
    made.mkdir()
    (made / "username").write_text(user)
    (made / "password").write_text(users.passwords[user])
    return made


def run(users: Users, user: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    prefix = "" if user == "reader" else f"_INBOX_{user}"
    known = {"METDC_NATS_CREDENTIALS": str(folder), "NATS_URL": f"nats://{users.host}", "NATS_INBOX_PREFIX": prefix}
    return subprocess.run(
        [*map(str, metdc()), *words],
        env=os.environ | known,
        capture_output=True,
        text=True,
        timeout=2 * CEILING,
        check=False,
    )


def test_a_capture_is_made_made_again_and_fetched(users: Users, stored: Simulator, tmp_path: Path) -> None:
    listings, reader = (secret(users, user, tmp_path) for user in ("listings", "reader"))
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for _ in range(2):  # what is kept the second time takes the place of the first
        made = run(users, "listings", listings, "capture", "BTC", f"--at={at}", "--before=10m", "--after=1s")
        assert made.returncode == 0, made.stderr
        assert "ermissions" not in made.stderr
    (known,) = run(users, "reader", reader, "captures", "list", "--json").stdout.splitlines()
    assert json.loads(known)["base"] == "BTC"
    fetched = run(users, "reader", reader, "captures", "get", "BTC", f"--output={tmp_path}")
    assert fetched.returncode == 0, fetched.stderr
    assert (Path(fetched.stdout.strip()) / "report.html").stat().st_size > 1_000


def test_the_watcher_tells_of_a_listing_and_remembers_it(
    users: Users, stored: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_INBOX_PREFIX", "_INBOX_listings")
    folder = secret(users, "listings", tmp_path)
    with simulator(only=("upbit",), symbols=None) as upbit:
        places = upbit.venues["upbit"]["spot"]
        where = (places["rest"], places["webSocket"], f"nats://{users.host}")
        with watching(*where, "--creds", folder) as watcher:
            watcher.some_polls(1)
            upbit.order("/notice", coins=[{"base": "TIA", "name": "셀레스티아"}])
            watcher.until("published_total", None, 1)
            watcher.stop()
            assert "ermissions" not in watcher.process.log
        told = [each["symbol"] for each in events(users.url("reader")) if each["subject"].startswith("listings.")]
        assert told == ["TIA-KRW"]
        with watching(*where, "--creds", folder) as watcher:
            watcher.some_polls(1)
            assert watcher.metric("published_total") == 0
            watcher.stop()
            assert "nothing is remembered" not in watcher.process.log
