"""Sizes: a module has at most 400 lines, a function at most 40 without docstring, blanks and comments."""

import ast
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


def violations(path: Path, text: str) -> Iterator[str]:
    """Yield ``path:line: what is too long`` for one Python module."""
    lines = text.splitlines()
    if len(lines) > MODULE_LINES:
        yield f"{path}:1: {len(lines)} lines, more than {MODULE_LINES}: split it by what changes together"
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, Function):
            length = _length(node, lines)
            if length > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name}() has {length} lines, more than {FUNCTION_LINES}"


def _length(function: Function, lines: list[str]) -> int:
    """Count the lines of a function that hold code, from ``def`` to its end, without its docstring."""
    first = function.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    docstring = range(first.lineno, (first.end_lineno or first.lineno) + 1) if documented else range(0)
    numbers = range(function.lineno, (function.end_lineno or function.lineno) + 1)
    return sum(
        1
        for number in numbers
        if number not in docstring and (line := lines[number - 1].strip()) and not line.startswith("#")
    )
