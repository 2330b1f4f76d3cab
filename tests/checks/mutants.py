"""Mutants: change the pure parts one operator or constant at a time, and show the changes that no test notices.

``python -m tests.checks.mutants [--sample N] [--seed S] [--floor PERCENT] [MODULE …]`` works on a copy of the packages,
runs for each mutant the tests that name its module, then their neighbours, and ends with one JSON object on stdout.
Exit 0 when at least the floor was noticed, 1 when not, 2 when there was nothing to change or the tests are red by
themselves.
"""

import argparse
import ast
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CEILING = 120  # seconds for one run of the tests; a mutant that never ends counts as noticed
ROOTS = (Path("collector"), Path("operator"))

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.Break: ast.Continue, ast.Continue: ast.Break,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed module: its path from the root of the repository, the changed line, and the whole new text."""

    path: Path
    line: int
    change: str
    text: str


class _Replace(ast.NodeTransformer):
    """Puts another node in the place of one, recognised by identity."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of one module."""
    tree = ast.parse(path.read_text(), path)
    for node in list(ast.walk(tree)):
        changed = _changed(node)
        if changed is not None:
            ast.copy_location(changed, node)
            memo = {id(node): node}  # the copy keeps this one node, so that it can be found in it
            text = ast.unparse(_Replace(node, changed).visit(copy.deepcopy(tree, memo)))
            line = getattr(node, "lineno", 0)
            yield Mutant(path=path, line=line, change=f"{ast.unparse(node)} → {ast.unparse(changed)}", text=text)


def _changed(node: ast.AST) -> ast.AST | None:
    """Return what could stand in the node's place by a slip of the hand; None where nothing would."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in SWAPS:
            return ast.Compare(node.left, [_swap(operator)], node.comparators)
        case ast.BinOp(op=operator) if type(operator) in SWAPS:
            return ast.BinOp(node.left, _swap(operator), node.right)
        case ast.BoolOp(op=operator):
            return ast.BoolOp(_swap(operator), node.values)
        case ast.UnaryOp(op=ast.Not()):
            return node.operand
        case ast.Constant(value=bool() as value):
            return ast.Constant(not value)
        case ast.Constant(value=int() as value):
            return ast.Constant(value + 1)
        case ast.Break() | ast.Continue():
            swapped: ast.AST = _swap(node)
            return swapped
        case _:
            return None


def _swap(node: ast.AST) -> Any:
    return SWAPS[type(node)]()


def sources(modules: list[str]) -> list[Path]:
    """Return the files of dotted module or package names."""
    paths: list[Path] = []
    for module in modules:
        for root in ROOTS:
            place = root.joinpath(*module.split("."))
            paths += (
                sorted(place.rglob("*.py")) if place.is_dir() else [p for p in [place.with_suffix(".py")] if p.exists()]
            )
    return paths


def dotted(path: Path) -> str:
    """Return the name under which a module is imported."""
    parts = path.with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def judges(path: Path) -> list[str]:
    """Return the test files that import from the module or its package; integration tests are too slow to ask."""
    module = dotted(path)
    package, _, name = module.rpartition(".")
    words = (f"{module} ", f"{module}\n", f"from {package} import")
    files = [file for file in sorted(Path("tests").rglob("test_*.py")) if "integration" not in file.parts]
    texts = {file: file.read_text() for file in files}
    found = [file for file, text in texts.items() if any(word in text for word in words) or f"test_{name}" in file.name]
    return [str(file) for file in found or files]


def neighbours(path: Path) -> list[str]:
    """Return the folders of :func:`judges`: what they hold is asked about a mutant that nobody has noticed yet."""
    return sorted({str(Path(file).parent) for file in judges(path)})


def failure(tests: list[str], *, copies: Path) -> str | None:
    """Run tests against the copied packages; return how they ended red, or None when they are green."""
    paths = os.pathsep.join(str(copies / root) for root in ROOTS)
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-header"]
    try:
        done = subprocess.run(
            [*command, *tests], env=environment, capture_output=True, timeout=CEILING, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        return f"no end within {CEILING} s"
    return done.stdout[-2000:] + done.stderr[-2000:] if done.returncode else None


def judge(chosen: list[Mutant], *, copies: Path) -> list[Mutant]:
    """Try each mutant and return those that no test noticed."""
    survived = []
    for number, mutant in enumerate(chosen, 1):
        target = copies / mutant.path
        original = target.read_text()
        target.write_text(mutant.text)
        if not any(failure(tests, copies=copies) for tests in (judges(mutant.path), neighbours(mutant.path))):
            survived.append(mutant)
            print(f"{mutant.path}:{mutant.line}: nobody noticed {mutant.change}", file=sys.stderr)
        target.write_text(original)
        if number % 10 == 0:
            print(f"{number} of {len(chosen)}, {len(survived)} unnoticed", file=sys.stderr)
    return survived


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.checks.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="dotted names; without any, the parts under the coverage floor")
    parser.add_argument("--sample", type=int, default=100, help="how many mutants to try, chosen by the seed; 0 is all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--floor", type=int, default=90, help="percent that must be noticed")
    options = parser.parse_args()
    pure = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["coverage"]["run"]["source_pkgs"]
    found = [mutant for path in sources(options.modules or pure) for mutant in mutants(path)]
    chosen = random.Random(options.seed).sample(found, min(options.sample or len(found), len(found)))
    with tempfile.TemporaryDirectory(prefix="metdc-mutants-") as name:
        copies = Path(name)
        for root in ROOTS:
            shutil.copytree(root, copies / root, ignore=shutil.ignore_patterns("__pycache__"))
        tests = sorted({file for mutant in chosen for file in neighbours(mutant.path)})
        red = failure(tests, copies=copies) if chosen else "there is nothing to change"
        if red is not None:
            print(f"{red}\nnothing was tried: the tests have to be green without any change", file=sys.stderr)
            return 2
        survived = judge(chosen, copies=copies)
    killed = len(chosen) - len(survived)
    held = killed * 100 >= options.floor * len(chosen)
    rows = [{"file": str(m.path), "line": m.line, "change": m.change} for m in survived]
    print(json.dumps({"ok": held, "possible": len(found), "tried": len(chosen), "noticed": killed, "unnoticed": rows}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
