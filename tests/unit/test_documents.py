"""What the documents say of names, formats and files is true of the code."""

import json
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from metdc_collector import settings
from metdc_collector.captures import analysis
from metdc_collector.captures.folder import files
from metdc_collector.cli.group import COMMANDS
from metdc_collector.exchanges.registry import MARKETS, venue
from metdc_collector.wire import capture, config, gap, instrument, listing, report, trade
from metdc_operator import validate
from metdc_operator.observation import MarketSeen, Reason, Seen
from metdc_operator.status import status
from tests.checks import metrics, reference
from tests.unit.captures.made import BINANCE, BYBIT, ORDER, at, jump, skewed, whole
from tests.unit.captures.test_folder import made, metadata, traded

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "collector/metdc_collector/wire/schemas"
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("charts/*/*.md")))
}
COLLECTOR = PAGES["docs/collector.md"]
DECODERS: dict[str, Callable[[bytes], object]] = {
    "trade.v1": trade.decode,
    "gap.v1": gap.decode,
    "instrument.v1": instrument.decode,
    "listing.v1": listing.decode,
    "capture.v1": capture.decode,
    "report.v1": report.decode,
}
# Two markets that the clocks order differently, and a trade that no column of Parquet holds: no member is left out.
ANALYSIS = analysis.record(
    analysis.analyse(
        ORDER, {BINANCE: whole(at(jump(1_000, "1.1"))), BYBIT: whole(skewed(at(jump(1_100, "1.1")), -300))}
    )
)
METADATA = metadata(files(made([traded(0, "0." + "0" * 18 + "1")])))


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def code(text: str) -> Iterator[str]:
    """Everything that is set as code: fenced blocks, and spans outside of them."""
    fences = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
    yield from fences.findall(text)
    yield from re.findall(r"`([^`]+)`", fences.sub("", text))


def slugs(text: str) -> set[str]:
    """The anchors that a page's headings make."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def schema_of(record: dict[str, Any]) -> str:
    """Which record this is, by a member that no other has."""
    marks = {
        "price": "trade.v1",
        "gap": "gap.v1",
        "tick": "instrument.v1",
        "last_ids": "report.v1",
        "announced": "listing.v1",
        "completeness": "capture.v1",
    }
    return next(name for member, name in marks.items() if member in record)


def inner(schema: dict[str, Any]) -> Iterator[str]:
    """The members of a schema's members, at any depth."""
    for member in schema.get("properties", {}).values():
        entry = member.get("items", member)
        yield from entry.get("properties", {})
        yield from inner(entry)


def members(value: Any) -> Iterator[str]:
    """The names of a record's members, at any depth."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from members(each)


def test_every_metric_of_the_watcher_is_explained_under_its_name() -> None:
    explained = set(re.findall(r"^\| `(metdc_\w+)` \|", PAGES["docs/listings.md"], re.MULTILINE))
    assert explained == {name for each in metrics.of_watcher() for name in each.samples}


def test_every_member_of_the_report_is_explained() -> None:
    schema = json.loads((SCHEMAS / "report.v1.schema.json").read_text())
    section = COLLECTOR.split("\n## Report\n")[1].split("\n## ")[0]
    missing = []
    for name, member in schema["properties"].items():
        inner = member.get("properties")
        wanted = [(f"`{name}.{part}`", f"`.{part}`") for part in inner] if inner else [(f"`{name}`",)]
        missing += [spellings[0] for spellings in wanted if not any(each in section for each in spellings)]
    assert missing == ["`v`"]  # the wire contract's, in every record


@pytest.mark.parametrize(
    ("record", "heading"), [("trade", "Trade"), ("listing", "Listing event"), ("capture", "Report of a capture")]
)
def test_every_member_of_a_record_is_explained(record: str, heading: str) -> None:
    schema = json.loads((SCHEMAS / f"{record}.v1.schema.json").read_text())
    section = PAGES["docs/wire.md"].split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = " ".join(re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE))
    assert [name for name in schema["properties"] if f"`{name}`" not in rows] == []
    assert [name for name in inner(schema) if f"`{name}`" not in section] == []


@pytest.mark.parametrize(("heading", "record"), [("The metadata", METADATA), ("The record", ANALYSIS)])
def test_every_member_of_a_capture_s_result_is_explained(heading: str, record: dict[str, Any]) -> None:
    section = re.split(r"\n##", PAGES["docs/captures.md"].split(f"\n### {heading}\n")[1])[0]
    assert sorted(name for name in members(record) if f"`{name}`" not in section) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"`metdc {name}" in PAGES["README.md"]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_relative_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        known = slugs(target.read_text(encoding="utf-8")) if anchor and target.is_file() else {anchor}
        if not target.exists() or anchor not in known:
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_path_of_the_repository_that_is_named_exists(name: str) -> None:
    named = re.compile(r"(?<![\w/.-])(?:charts|collector|config|crds|docs|operator|requirements|tests)/[\w./-]*")
    paths = {path for text in code(PAGES[name]) for path in named.findall(text)}
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_make_target_and_module_that_is_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = list(code(PAGES[name]))
    asked = {
        target
        for text in texts
        for run in re.findall(r"^make((?: [a-z0-9-]+)+)", text, re.MULTILINE)
        for target in run.split()
    }
    modules = {module for text in texts for module in re.findall(r"python -m ([\w.]+)", text)}
    assert asked - targets == set()
    assert {module for module in modules if find_spec(module) is None} == set()


def test_examples_of_the_wire_contract_are_what_schemas_and_readers_take() -> None:
    seen = set()
    for block in blocks("docs/wire.md", "json"):
        record = json.loads(block)
        name = schema_of(record)
        jsonschema.validate(record, json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
        DECODERS[name](block.encode())
        seen.add(name)
    assert seen == {path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.json")}


def test_the_example_of_a_configuration_is_one_that_a_collector_takes() -> None:
    (example,) = blocks("docs/collector.md", "json")
    read = settings.read(config.decode(example), credentials=None)
    assert (read.venue.exchange, read.venue.market) == ("binance", "spot")


@pytest.mark.parametrize("name", ["docs/run.md", "docs/exchangecollector.md"])
def test_the_example_of_a_resource_is_one_that_the_definition_takes(name: str) -> None:
    (example,) = blocks(name, "yaml")
    (resource,), problems = validate.parse_text(example)
    assert (resource.exchange, problems) == ("binance", [])


@pytest.mark.parametrize(
    ("name", "rows"), [("exchangecollector", 150), ("listingcapture", 40), ("metrics", 40), ("README", 60)]
)
def test_tables_that_come_from_the_code_are_as_the_code_makes_them(name: str, rows: int) -> None:
    page = "charts/metdc/README.md" if name == "README" else f"docs/{name}.md"
    text = (ROOT / page).read_text(encoding="utf-8")

    assert reference.page(page, text) == text, "python -m tests.checks.reference writes them anew"
    assert text.count("\n| `") > rows


def test_every_condition_and_every_reason_is_explained() -> None:
    section = PAGES["docs/exchangecollector.md"].split("\n## Conditions\n")[1].split("\n## ")[0]
    conditions = {each["type"] for each in status(Seen([MarketSeen("spot")]), 0)["conditions"]}

    assert set(re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|$", section, re.MULTILINE)) == conditions
    assert [reason for reason in Reason if f"`{reason}`" not in section] == []


def test_every_variable_that_a_collector_or_a_run_reads_is_explained() -> None:
    files = [*ROOT.glob("collector/**/*.py"), *ROOT.glob("operator/metdc_operator/local/*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    variables = set(re.findall(r'"(METDC_[A-Z_]+|NATS_URL)"', text)) - {"METDC_EVENTS"}  # a stream
    documents = "".join(PAGES.values())
    assert sorted(name for name in variables if f"`{name}" not in documents) == []


@pytest.mark.parametrize(
    ("exchange", "market"), [(name, each) for name, markets in MARKETS.items() for each in markets]
)
def test_the_page_of_an_exchange_names_its_addresses_and_limits(exchange: str, market: str) -> None:
    page, found = PAGES[f"docs/venues/{exchange}.md"], venue(exchange, market)
    limits, endpoints = found.limits, found.endpoints
    named = [
        endpoints.rest + found.listing_request().path,
        endpoints.web_socket,
        f"| {limits.symbols_per_connection:,} |",
        f"{limits.frames.count * 0.7:.1f}",  # the pace of frames
        *(channel.name for channel in found.channels),
    ]
    assert f"docs/venues/{exchange}.md" in PAGES["README.md"]
    assert [text for text in named if text not in page] == []


def test_the_readme_s_subscriber_compiles() -> None:
    (example,) = blocks("README.md", "python")
    compile(example, "README.md", "exec")
