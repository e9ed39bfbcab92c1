"""Imports run one way, and every library stays in its room."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lossctl

PACKAGE = Path(lossctl.__file__).parent
# A room may import from itself and from the rooms before it.
ORDER = ["errors", "maths", "maths32", "parameters", "convention", "loss", "requests", "losses", "like", "data"]
ORDER += ["engine", "run", "bench", "batch", "show", "cli"]
# maths is below the losses: the interpreted way runs it as it is. losses are found by loss, which loads them by name.
LIBRARIES = {
    "numba": {"engine"},
    "llvmlite": {"engine"},
    "typer": {"cli"},
    "rich": {"show", "cli"},
    "pyarrow": {"data", "show"},
    "scipy": {"run", "bench"},
    "torch": {"bench"},
    "torchvision": {"bench"},
    "monai": {"bench"},
    "powerboxes": {"bench"},
    "matplotlib": {"bench"},
    "distributed": {"batch"},
    "fsspec": {"data"},
    "aiohttp": {"data"},
}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def room_of(module):
    first = module.parts[0].removesuffix(".py")
    return {"__init__": "cli", "__main__": "cli"}.get(first, first)


def imports(module):
    """Yield (name, whether it is at the top of the file) of everything a module imports, but for type checking."""
    tree = ast.parse((PACKAGE / module).read_text())
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in tree.body) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield node.module, node in tree.body


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_rooms(module):
    room = room_of(module)
    assert room in ORDER, f"{module} is in a room that the order does not know"
    for name, _ in imports(module):
        if name.startswith("lossctl."):
            other = name.split(".")[1]
            assert ORDER.index(other) <= ORDER.index(room), f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_libraries(module):
    for name, _ in imports(module):
        library = name.split(".")[0]
        assert room_of(module) in LIBRARIES.get(library, {room_of(module)}), f"{module} imports {library}"


FORMULAS = [m for m in MODULES if m.parts[0] in ("losses", "like", "maths.py") and m.name != "shelf.py"]


@pytest.mark.parametrize("module", FORMULAS, ids=str)
def test_formulas_import_formulas_only(module):
    allowed = ("lossctl.maths", "lossctl.loss", "lossctl.losses", "typing", "math", "struct")
    allowed += ("lossctl.like", "lossctl.convention", "lossctl.errors") if module.parts[0] == "like" else ()
    assert all(name.startswith(allowed) for name, _ in imports(module))


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], {"numpy", "numba", "rich.table", "pydantic", "pyarrow"}),
        (["list"], {"numpy", "numba", "rich.table", "pydantic"}),
        (["explain", "giou"], {"numpy", "numba", "rich.table", "pydantic"}),
        (["box", "ciou", "--help"], {"numpy", "numba", "rich.table", "pydantic"}),
        (["box", "giou", "0,0,10,10", "5,5,15,15"], {"numpy", "numba", "rich.table", "pydantic", "pyarrow"}),
        (["compare", "--help"], {"numpy", "numba", "rich.table", "pydantic", "pyarrow"}),
        (["bench", "--help"], {"numpy", "numba", "rich.table", "pydantic", "torch"}),
        (["pixel", "ce", "samples/classes_logits.npy", "samples/classes_target.npy", "--input=logits",
          "--ignore-index=255"], {"numba", "rich.table", "pyarrow"}),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)  # fmt: skip
def test_light_commands_import_little(arguments, absent):
    code = f"import sys\nfrom lossctl.cli.main import run\nassert run({arguments!r}) == 0\nprint(sorted(sys.modules))"
    root = PACKAGE.parent if (PACKAGE.parent / "samples").exists() else Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    modules = set(ast.literal_eval(found.stdout.splitlines()[-1]))
    assert not absent & modules
