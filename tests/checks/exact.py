"""No float where prices and quantities pass: in the wire contract and the exchange adapters.

Ruled out are ``float()`` and ``round()``, true division, and a field or argument that is called a price, a quantity or
the like and annotated as a float. A line that means something else says so: ``# no amount: REASON``.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

GUARDED = ("collector/metdc_collector/wire/", "collector/metdc_collector/exchanges/")
MARK = "# no amount: "
AMOUNT = re.compile(r"price|quantity|size|amount|contracts|multiplier|factor|tick|lot")


def violations(path: Path, text: str) -> Iterator[str]:
    """Yield ``path:line: what would be a float`` for one Python module."""
    if not path.as_posix().startswith(GUARDED):
        return
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text, path)):
        found = _float(node)
        if found and isinstance(node, ast.expr | ast.stmt | ast.arg) and MARK not in lines[node.lineno - 1]:
            yield f"{path}:{node.lineno}: {found}; amounts are exact here, and other lines are marked `{MARK}REASON`"


def _float(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id="float" | "round" as name)):
            return f"{name}()"
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return "true division"
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) | ast.arg(arg=name, annotation=annotation):
            inner = ast.walk(annotation) if annotation is not None else ()
            floats = any(isinstance(part, ast.Name) and part.id == "float" for part in inner)
            return f"{name} is a float" if floats and AMOUNT.search(name) else None
        case _:
            return None
