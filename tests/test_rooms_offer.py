"""Rooms offer names that are imported when they are asked for."""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import spoken_cefr.evaluation
import spoken_cefr.figures
import spoken_cefr.neural_networks
import spoken_cefr.processing
from spoken_cefr.paths import NOTEBOOKS
from spoken_cefr.stages import STAGES

ROOMS = [
    *(spoken_cefr.evaluation, spoken_cefr.figures),
    *(spoken_cefr.neural_networks, spoken_cefr.processing),
]


def offered_by(room):
    """The names in the calls of `offering` in a room's own file."""
    tree = ast.parse(Path(room.__file__).read_text(encoding="utf-8"))
    (homes,) = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    return [
        n.value for value in homes.values for n in ast.walk(value) if isinstance(n, ast.Constant)
    ]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_every_name_that_a_room_offers_is_in_its_module(room):
    names = offered_by(room)
    assert names and all(getattr(room, name) is not None for name in names)
    with pytest.raises(AttributeError):
        room.nothing_of_that_name  # noqa: B018


def test_importing_the_rooms_loads_nothing_heavy():
    rooms = ", ".join(room.__name__ for room in ROOMS)
    code = f"import sys, spoken_cefr.cli, {rooms}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"torch", "torchaudio", "pandas", "matplotlib"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("stage", STAGES)
def test_a_notebook_imports_our_own_from_few_places(stage):
    cells = nbformat.read(NOTEBOOKS / f"{stage}.ipynb", as_version=4).cells
    lines = [line for c in cells if c.cell_type == "code" for line in c.source.splitlines()]
    ours = [line for line in lines if line.startswith(("from spoken_cefr", "import spoken_cefr"))]
    assert len(ours) <= 8


@pytest.mark.parametrize("stage", STAGES)
def test_a_notebook_is_light_enough_for_git(stage):
    assert (NOTEBOOKS / f"{stage}.ipynb").stat().st_size < 1_000_000
