"""`spoken-cefr app`: a page on 127.0.0.1 that says for which level a recording suits.

Nothing leaves this machine: no share link, no analytics, no font or script of
another host, and a Content-Security-Policy that forbids the browser to ask
one. An upload is deleted when its request ends.
"""

import importlib.util
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spoken_cefr.errors import InputError

HOST = "127.0.0.1"


def run(*, model: str | None, profile: str | None, port: int) -> int:
    """Serve the page until Ctrl+C; it leaves no upload behind."""
    print("loading the model ...", flush=True)
    with serve(model=model, profile=profile, port=port) as url:
        print(f"open {url} in a browser on this machine (stop with Ctrl+C)", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")
    return 0


@contextmanager
def serve(
    *, model: str | None = None, profile: str | None = None, port: int = 7860
) -> Iterator[str]:
    """Serve the page until the block ends; gives its address.

    InputError if Gradio is not installed, there is no model, or the port is taken.
    """
    if not 1 <= port <= 65535:
        raise InputError(f"--port is {port}: give one from 1024 to 65535")
    if importlib.util.find_spec("gradio") is None:
        raise InputError("the page needs Gradio: pip install -e '.[app]', or `make app`")
    with tempfile.TemporaryDirectory(prefix="spoken_cefr_page_") as own:
        folder = Path(own) / "uploads"
        folder.mkdir()
        # Gradio reads these when it is imported, which the modules of the page do.
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        analysis = importlib.import_module("spoken_cefr.page.analysis")
        layout = importlib.import_module("spoken_cefr.page.layout")
        uploads = importlib.import_module("spoken_cefr.page.uploads")
        analyst = analysis.Analyst(model=model, profile=profile, uploads=folder)
        blocks = layout.build_page(analyst, folder)
        try:
            _, url, _ = blocks.launch(server_name=HOST, server_port=port, **layout.LAUNCH)
        except OSError:
            raise InputError(f"port {port} of {HOST} is taken: give another with --port") from None
        try:
            with uploads.sweeping(folder):
                yield url
        finally:
            blocks.close(verbose=False)
