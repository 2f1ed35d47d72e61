"""Running the four notebooks, and keeping those in git clean.

A run writes its executed copies to ``<data_dir>/notebooks/`` and leaves the
ones in ``notebooks/`` as they are; `refresh` is for the latter.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import papermill
from ipykernel.kernelspec import write_kernel_spec
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.paths import NOTEBOOKS
from spoken_cefr.stages import executed_path
from spoken_cefr.store import remove_unfinished, replacing

MAX_OUTPUT_LINES = 60

# Only the kernel's errors: each start warns that it listens on a port of this machine.
KERNEL_ARGUMENTS = ["--IPKernelApp.log_level=40"]

# glibc gives arrays of more than some MB back to the system at once and asks for them again at
# the next step, each page anew: 8 of the demo's 243 s. Other systems know nothing of these.
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**28)}


def run_notebook(config: Config, stage: str, *, overrides: list[str]) -> Path:
    """Execute one notebook top to bottom with a profile.

    InputError with the message of the cell's own InputError; or, for any other error, naming
    the cell's error and the copy that was kept to look at.
    """
    # The defaults of the first cell need no injected cell: the copy then reads
    # like the source.
    parameters = {}
    if config.profile != "demo" or overrides:
        parameters = {"PROFILE": config.profile, "OVERRIDES": overrides}
    target = executed_path(config, stage)
    remove_unfinished(target.parent)
    with replacing(target) as temporary, _own_kernel():
        try:
            papermill.execute_notebook(
                NOTEBOOKS / f"{stage}.ipynb",
                temporary,
                parameters=parameters,
                kernel_name="python3",
                cwd=NOTEBOOKS,
                progress_bar={"desc": f"notebook {stage}", "ncols": 88, "unit": "cell"},
                stderr_file=sys.stderr,
                extra_arguments=KERNEL_ARGUMENTS,
            )
        except papermill.PapermillExecutionError as error:
            if error.ename == "InputError":
                raise InputError(error.evalue) from None
            kept = target.with_suffix(".failed.ipynb")
            temporary.replace(kept)
            raise InputError(
                f"notebook {stage} stopped with {error.ename}: {error.evalue} (copy kept: {kept})"
            ) from error
        except (DeadKernelError, RuntimeError) as error:
            raise InputError(
                f"notebook {stage}: its kernel ({sys.executable}) died or never started "
                f"({error}); most often memory is short: close other programs, or try --set "
                "n_jobs=1"
            ) from error
        collapse_progress(temporary)
    target.with_suffix(".failed.ipynb").unlink(missing_ok=True)
    return target


@contextmanager
def _own_kernel() -> Iterator[None]:
    """Let "python3" be the Python that runs this, whatever kernels ``JUPYTER_PATH`` offers."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        write_kernel_spec(Path(folder) / "kernels" / "python3")
        kernels = os.pathsep.join(filter(None, (folder, before.get("JUPYTER_PATH"))))
        os.environ.update(KEPT_MEMORY | before | {"JUPYTER_PATH": kernels})
        try:
            yield
        finally:
            for name in {"JUPYTER_PATH", *KEPT_MEMORY} - set(before):
                del os.environ[name]
            os.environ.update(before)


def collapse_progress(path: Path) -> None:
    """Keep of each progress bar what a terminal would show in the end."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                lines = output.text.splitlines(keepends=True)
                output.text = "".join(line for line in lines if not line.endswith("\r"))
    nbformat.write(notebook, path)


def strip_volatile(notebook: NotebookNode) -> NotebookNode:
    """Remove from an executed notebook, in place, what differs from run to run.

    Times, tool versions, cell identities of the runner and the error stream
    (progress bars) go; figures, tables and printed text stay.
    """
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for index, cell in enumerate(notebook.cells):
        tags = [tag for tag in cell.metadata.get("tags", []) if tag == "parameters"]
        cell.metadata = NotebookNode(tags=tags) if tags else NotebookNode()
        cell.id = f"cell-{index:02d}"
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if "metadata" in output:
                    output.metadata = NotebookNode()
    return notebook


def find_problems(notebook: NotebookNode) -> list[str]:
    """What makes a notebook unfit for git: one sentence for each problem found."""
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    problems = []
    if any("injected-parameters" in cell.metadata.get("tags", []) for cell in code):
        problems.append("it was run with another profile or with overrides")
    if not any(cell.outputs for cell in code):
        problems.append("it has no outputs")
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        problems.append("its cells were not run once each, top to bottom")
    for number, cell in enumerate(code, start=1):
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"code cell {number} holds an error output")
        if re.search(r"^\s*(def|class) ", cell.source, flags=re.MULTILINE):
            problems.append(f"code cell {number} defines a function or a class")
        printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
        if printed.count("\n") > MAX_OUTPUT_LINES:
            problems.append(f"code cell {number} prints more than {MAX_OUTPUT_LINES} lines")
    return problems
