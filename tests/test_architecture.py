"""The arrows of doc/architecture.md go one way, and every folder can be taken in at a glance."""

import ast
import os
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from spoken_cefr.paths import ROOT

PACKAGE = ROOT / "src" / "spoken_cefr"
# Each room stands on those before it. What has no room of its own is the core, or the doors.
ROOMS = (
    *("core", "corpus", "replica", "scraping", "processing", "measures", "neural_networks"),
    *("figures", "evaluation", "prediction", "page", "paper", "doors"),
)
DOORS = ("__main__", "cli", "doctor", "")  # "" is the package itself, which offers `predict`
MOST_FILES = 14


def module_name(path):
    """Dotted, without the package's own name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(name):
    first = name.partition(".")[0]
    if first in DOORS:
        return "doors"
    return first if first in ROOMS else "core"


def module_of(dotted):
    """The module that a dotted name is in, such as a function's; None if it is not ours."""
    parts = dotted.split(".")
    if parts[0] != "spoken_cefr":
        return None
    names = (".".join(parts[1:end]) for end in range(len(parts), 0, -1))
    return next(name for name in names if name in MODULES)


def imports_of(path):
    """Our modules that a file imports, wherever in it, and those that it names in a string."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {module_of(f"{node.module}.{alias.name}") for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {module_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.Constant) and str(node.value).startswith("spoken_cefr."):
            found |= {module_of(node.value)} if " " not in node.value else set()
    return found - {None, ""}  # of the package itself only the version is asked for


IMPORTS = {name: imports_of(path) - {name} for name, path in MODULES.items()}


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_one_that_stands_on_it(room):
    upward = [
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        for other in sorted(others)
        if room_of(name) == room and ROOMS.index(room_of(other)) > ROOMS.index(room)
    ]
    assert upward == []


def test_no_module_imports_itself_by_way_of_others():
    # A package's own `__init__` only hands on what its modules offer.
    inner = {name: others for name, others in IMPORTS.items() if not is_package(name)}
    TopologicalSorter(inner).prepare()


def is_package(name):
    return MODULES[name].name == "__init__.py"


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES.values()}), ids=str)
def test_no_folder_holds_more_files_than_can_be_taken_in_at_a_glance(folder: Path):
    names = sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")
    assert len(names) <= MOST_FILES, names


def test_every_room_of_the_package_is_on_the_map():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(ROOMS) - {"core", "doors"}


# --- what doc/architecture.md tells a newcomer to read


LINKED = re.compile(r"\[`(\w+)`\]\(\.\./(src/[\w/]+\.py)\)")


def test_the_functions_that_decide_are_where_the_map_links_to():
    linked = LINKED.findall((ROOT / "doc" / "architecture.md").read_text(encoding="utf-8"))
    assert len(linked) >= 10
    for name, file in linked:
        body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        assert name in {node.name for node in body if isinstance(node, ast.FunctionDef)}, file


# --- what doc/architecture.md tells a newcomer to do


SECTIONS = dict(
    re.findall(
        r"^### (.+?)\n(.+?)(?=^### |\Z)",
        (ROOT / "doc" / "architecture.md").read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
)
EDIT = re.compile(r"^In (`.+?`|the same file), after `(.+?)`:\n\n```python\n(.+?)```", re.S | re.M)
WRITE = re.compile(r"^Write `(.+?)`:\n\n```\w+\n(.+?)```", re.S | re.M)
TRY = re.compile(r"^Then .+?:\n\n```python\n(.+?)```", re.S | re.M)


@pytest.mark.slow
@pytest.mark.parametrize("title", SECTIONS)
def test_what_the_map_says_of_adding_something_works(title, tmp_path):
    text = SECTIONS[title]
    assert len(text.splitlines()) < 45
    for name in ("src", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    file = None
    for name, line, code in EDIT.findall(text):
        file = file if name == "the same file" else tmp_path / name.strip("`")
        source = file.read_text(encoding="utf-8")
        assert source.count(f"\n{line}\n") == 1, f"{file.name} has no single line {line!r}"
        file.write_text(source.replace(f"\n{line}\n", f"\n{line}\n{code}"), encoding="utf-8")
    for name, content in WRITE.findall(text):
        (tmp_path / name).write_text(content, encoding="utf-8")
    [code] = TRY.findall(text)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
