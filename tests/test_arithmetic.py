"""The demo's numbers are those of any processor with AVX2: emulated, pinned, inherited."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from spoken_cefr import arithmetic
from spoken_cefr.config import load_config
from spoken_cefr.doctor import computes_as
from spoken_cefr.errors import InputError
from spoken_cefr.paths import NOTEBOOKS, ROOT

HERE = Path(__file__).parent
RECORDING = ROOT / "data" / "replica" / "audio" / "mes_animaux2.mp3"
PINNED = {pin.variable: pin.value for pin in arithmetic.PINS}
# What a library itself says of the path that it has taken.
ASK = """
import json, os, sys

def told():
    import numpy, torch
    from numpy._core._multiarray_umath import __cpu_features__ as features
    from threadpoolctl import threadpool_info
    return [
        {name: os.environ.get(name) for name in sys.argv[1:]},
        features["X86_V4"],
        torch.backends.cpu.get_cpu_capability(),
        torch.get_num_threads(),
        [
            (library["architecture"], library["num_threads"])
            for library in threadpool_info()
            if library["internal_api"] == "openblas"
        ],
    ]
"""


def unpinned(**more):
    """This process' environment as it would be without a portable profile."""
    return {name: value for name, value in os.environ.items() if name not in PINNED} | more


def run(*arguments, **environment):
    """What a fresh Python prints; it knows the modules of the tests."""
    path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=unpinned(PYTHONPATH=path, **environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def computed(kind="portable", *recording, **environment):
    return json.loads(run(HERE / "compute_a_little.py", kind, *recording, **environment).stdout)


@pytest.fixture(scope="module")
def as_processor(tmp_path_factory):
    """The environment of a process that shall believe that it runs on another processor."""
    library = tmp_path_factory.mktemp("processor") / "other_processor.so"
    told = Path("/proc/cpuinfo")
    if not told.is_file() or " cpuid_fault" not in told.read_text():
        pytest.skip("this processor does not let CPUID be answered by others")
    source = ROOT / "tools" / "other_processor.c"
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    except FileNotFoundError:
        pytest.skip("there is no C compiler")
    return lambda name: {"LD_PRELOAD": str(library), "CPU_AS": name}


needs_avx2 = pytest.mark.skipif(not arithmetic.has_avx2(), reason="this processor has no AVX2")


@pytest.fixture(scope="module")
def here():
    return computed()


@pytest.fixture
def nothing_loaded(monkeypatch):
    """As at the start of a process: no pin is set, no library loaded, nothing told."""
    for name in PINNED:
        monkeypatch.setenv(name, "")  # so that what `use` sets is taken back
    monkeypatch.setattr(arithmetic, "LIBRARIES", ())
    monkeypatch.setattr(arithmetic, "_told", set())
    monkeypatch.setattr(arithmetic, "has_avx2", lambda: True)


# --- equal bytes


@needs_avx2
@pytest.mark.slow
@pytest.mark.parametrize("name", ["raptorlake", "zen2"])
def test_spectrograms_products_fits_and_trainings_are_the_bytes_of_another_processor(
    name, here, as_processor
):
    there = computed(**as_processor(name))
    assert there["avx512"] is False
    assert there == here | {"avx512": False}


@needs_avx2
@pytest.mark.slow
def test_they_are_the_bytes_of_a_machine_with_one_core_or_other_settings(here):
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # children inherit it
    one_core = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    one_core |= {"MKL_CBWR": "AUTO", "OPENBLAS_CORETYPE": "Nehalem"}
    try:
        assert computed(**one_core) == here
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.slow
def test_whisper_hears_the_same_words_at_the_same_times_on_another_processor(as_processor):
    told = computed("portable", RECORDING)["heard"]
    assert len(told[1]) > 10
    assert computed("portable", RECORDING, **as_processor("zen2")) == {"heard": told}


# --- the pins are there before the libraries


@needs_avx2
@pytest.mark.slow
def test_pins_reach_the_libraries_and_the_processes_that_joblib_starts():
    code = f"{ASK}\nfrom spoken_cefr.config import load_config\nload_config('demo')\n"
    code += "from joblib import Parallel, delayed\n"
    code += "print(json.dumps([told(), *Parallel(2)(delayed(told)() for _ in range(2))]))"
    # Dask leaves such variables in whatever has started workers.
    found = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    of_processes = json.loads(run("-c", code, *PINNED, **found).stdout)
    assert of_processes[0][3] == arithmetic.N_THREADS
    for variables, numpy_v4, torch_path, _, openblas in of_processes:
        # joblib says itself how many threads its processes use; we ask for one there.
        assert variables | {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"} == PINNED
        assert (numpy_v4, torch_path) == (False, "AVX2")
        assert openblas and all(path == ["Haswell", 1] for path in openblas)


@needs_avx2
@pytest.mark.slow
def test_torchs_products_and_their_gradients_are_right_with_openblas_in_it():
    run(HERE / "openblas_in_torch.py")


@needs_avx2
def test_a_notebooks_kernel_is_pinned_by_its_first_cell(monkeypatch):
    for name in PINNED:
        monkeypatch.delenv(name, raising=False)
    code = "from spoken_cefr.config import load_config\nconfig = load_config('demo')\n"
    code += "from spoken_cefr.arithmetic import is_pinned\nprint(is_pinned())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3").execute()
    assert [output.text for output in notebook.cells[0].outputs] == ["True\n"]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_each_notebook_loads_the_profile_before_anything_that_computes(path):
    cells = nbformat.read(path, as_version=4).cells
    lines = [line for c in cells if c.cell_type == "code" for line in c.source.splitlines()]
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert imports.pop(0) == "from importlib.util import find_spec"  # is the package there?
    assert imports[0] == "from spoken_cefr.config import load_config"
    loading = next(i for i, line in enumerate(lines) if line.startswith("config = load_config("))
    assert loading < lines.index(imports[1])


@pytest.mark.parametrize("command", ["predict", "app"])
def test_predict_and_app_are_pinned_with_the_demo_and_fast_without_a_profile(command, monkeypatch):
    code = (
        "import sys; from spoken_cefr import arithmetic, cli; import importlib; "
        "stop = lambda name: sys.exit(str(arithmetic.is_pinned())) "
        "if 'numpy' not in sys.modules else sys.exit('late'); "
        "importlib.import_module = stop; cli.main(sys.argv[1:])"
    )
    monkeypatch.delenv("SPOKEN_CEFR_PROFILE", raising=False)
    file = ["x.mp3"] if command == "predict" else []
    for profile, pinned in (["--profile", "demo"], arithmetic.has_avx2()), ([], False):
        done = subprocess.run(
            [sys.executable, "-c", code, command, *file, *profile],
            env=unpinned(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr.strip() == str(pinned)


def test_the_pins_are_printed_for_a_shell():
    done = subprocess.run(
        ["sh", "-c", 'eval "$("$0" -m spoken_cefr.arithmetic)"; env', sys.executable],
        env=unpinned(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert {f"{name}={value}" for name, value in PINNED.items()} <= set(done.stdout.splitlines())


# --- where they cannot be


def test_whoever_imports_numpy_first_is_told_once_and_nothing_is_claimed(
    nothing_loaded, monkeypatch, caplog
):
    monkeypatch.setattr(arithmetic, "LIBRARIES", ("numpy",))
    with caplog.at_level(logging.WARNING):
        arithmetic.use("portable")
        arithmetic.use("portable")
    assert [r.getMessage()[:25] for r in caplog.records] == ["numpy was imported before"]
    assert not arithmetic.is_pinned()


def test_a_processor_without_avx2_is_told_of_and_computes_as_it_can(
    nothing_loaded, monkeypatch, caplog
):
    monkeypatch.setattr(arithmetic, "has_avx2", lambda: False)
    monkeypatch.setattr("spoken_cefr.doctor.has_avx2", lambda: False)
    arithmetic.use("portable")
    assert "has no AVX2" in caplog.text
    assert not arithmetic.is_pinned()
    assert "has no AVX2" not in computes_as(load_config("fr")).advice
    assert "it has no AVX2" in computes_as(load_config("demo")).advice


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [("x86_64", "fma avx2 bmi2", True), ("x86_64", "avx", False), ("aarch64", "avx2", False)],
)
def test_avx2_is_read_from_what_the_system_says_of_the_processor(
    machine, flags, expected, monkeypatch, tmp_path
):
    (tmp_path / "cpuinfo").write_text(f"flags\t\t: fpu {flags}\n")
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(arithmetic, "CPUINFO", tmp_path / "cpuinfo")
    assert arithmetic.has_avx2() is expected


def test_real_profiles_stay_fast(nothing_loaded):
    assert load_config("fr").arithmetic == "fast"
    assert not arithmetic.is_pinned()
    load_config("demo")
    assert arithmetic.is_pinned()


@pytest.mark.parametrize("key", ['device="cuda"', 'device="auto"', 'precision="bfloat16"'])
def test_portable_refuses_what_only_some_machines_have(key, demo_config):
    with pytest.raises(InputError, match="bfloat16"):
        demo_config(f"neural_networks.{key}")
    demo_config("arithmetic=fast", f"neural_networks.{key}")
