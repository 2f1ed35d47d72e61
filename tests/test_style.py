"""What a linter and a glance at the tree can say about the project as a whole."""

import ast
import re
import subprocess
import sys

import pytest

from spoken_cefr.paths import ROOT

PLACES = [
    folder
    for folder in ("src", "tests", "tools", "benchmarks", "notebooks")
    if (ROOT / folder).is_dir()
]


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_finds_nothing(command):
    arguments = [sys.executable, "-m", "ruff", *command, "--no-cache", *PLACES]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def pinned(name="requirements.txt"):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_every_dependency_of_the_package_is_pinned_and_every_pin_is_one():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [")[1].split("\n]")[0]
    declared = set(re.findall(r'^\s+"([a-z0-9-]+)[>=]', block, flags=re.MULTILINE))
    assert declared == set(pinned())


def test_the_locked_versions_hold_every_pin():
    pins = pinned() | pinned("requirements-dev.txt")
    locked = {
        name.lower().replace("_", "-"): version
        for name, version in pinned("requirements-lock.txt").items()
    }
    assert {name: locked.get(name) for name in pins} == pins


# Import names that differ from the project's name on PyPI.
PROJECTS = {
    "PIL": "pillow",
    "faster_whisper": "faster-whisper",
    "sklearn": "scikit-learn",
    "whisper": "openai-whisper",
}


def test_whatever_the_package_imports_is_pinned():
    imported = set()
    for path in ROOT.glob("src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"spoken_cefr"}
    # The optional parts (page, cluster, Hugging Face encoders) are pinned for the tests.
    allowed = set(pinned()) | set(pinned("requirements-dev.txt"))
    assert {PROJECTS.get(name, name) for name in foreign} <= allowed


def test_no_module_reads_or_runs_code_from_data():
    forbidden = re.compile(
        r"(?<![\w.])(pickle|eval|exec)\(|import pickle|torch\.load\(|shell=True|os\.system"
    )
    sources = [*ROOT.glob("src/**/*.py"), *ROOT.glob("tools/*.py")]
    assert [path for path in sources if forbidden.search(path.read_text(encoding="utf-8"))] == []
