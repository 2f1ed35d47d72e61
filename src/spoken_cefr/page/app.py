"""`spoken-cefr app`: a page on 127.0.0.1 that says for which level a recording suits.

Nothing leaves this machine: no share link, no analytics, no font or script of
another host, and a Content-Security-Policy that forbids the browser to ask
one. An upload is deleted when its request ends.
"""

import functools
import importlib.util
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spacy.language import Language

from spoken_cefr.config import load_config, prediction_profile
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.page.manners import Manners
from spoken_cefr.page.result import error_html, result_html
from spoken_cefr.page.style import ACCENT, CSS, INK, PAPER
from spoken_cefr.page.uploads import MAX_UPLOAD_MB, copy_into, remove, separate_uploads
from spoken_cefr.page.wording import CHOICES, both, text
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import choose_model
from spoken_cefr.prediction.listening import listen, load_listener
from spoken_cefr.prediction.models import LevelModel
from spoken_cefr.prediction.recording import rate_recording
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE, FasterWhisper

HOST = "127.0.0.1"
EXAMPLES = ROOT / "data" / "replica" / "audio"
EXAMPLE_TITLES = {  # one of each level, as its text was written
    "ma_chambre.mp3": "Ma chambre jaune",
    "kermesse.mp3": "La fête de mon école",
    "cafe_reparation.mp3": "Réparer au lieu de jeter",
    "jardins_partages.mp3": "Des potagers au pied des immeubles",
    "entre_deux_rives.mp3": "Entre deux rives",
}
ABANDONED_S = 600  # an upload for which nobody asked a result goes after this
TITLES = {code: text("title", code) for _, code in CHOICES}
SHOW_LANGUAGE = (
    "(code) => { document.documentElement.lang = code; "
    f"document.title = {json.dumps(TITLES)}[code]; return code; }}"
)


class Analyst:
    """All that is loaded once, and what it makes of one file."""

    def __init__(
        self, model: LevelModel, listener: FasterWhisper, nlp: Language, uploads: Path
    ) -> None:
        self._model = model
        self._listener = listener
        self._nlp = nlp
        self._uploads = uploads.resolve()

    def analyse(self, path: str | None, language: str, progress: Callable) -> str:
        """HTML of the result of an uploaded file, which is deleted whatever happens."""
        if path is None:
            return f'<div class="error" role="alert">{both("nothing")}</div>'
        upload = Path(path).resolve()
        if self._uploads not in upload.parent.parents:
            return error_html("?", "the file is missing")
        name = upload.name
        try:
            progress(0.1, desc=text("listening", language))
            spoken = find_language(self._model.card.language).whisper
            (heard,) = listen(self._listener, [upload], language=spoken, n_jobs=1)
            if isinstance(heard, InputError):
                return error_html(name, str(heard).replace(str(upload), name))
            progress(0.9, desc=text("rating", language))
            result = rate_recording(heard, self._model, self._nlp).to_dict() | {"file": name}
            return result_html(result, heard.signal, SAMPLE_RATE)
        finally:
            remove(upload)


@contextmanager
def serve(
    *, model: str | None = None, profile: str | None = None, port: int = 7860
) -> Iterator[str]:
    """Serve the page until the block ends; gives its address.

    Raises
    ------
    InputError
        If Gradio is not installed, there is no model, or the port is taken.
    """
    if not 1 <= port <= 65535:
        raise InputError(f"--port is {port}: give one from 1024 to 65535")
    if importlib.util.find_spec("gradio") is None:
        raise InputError("the page needs Gradio: pip install 'spoken-cefr[app]', or `make app`")
    chosen = choose_model(model, profile)
    config = load_config(prediction_profile(profile))
    listener = load_listener(
        chosen.transcription["model"],
        compute_type=chosen.transcription["compute_type"],
        n_jobs=config.n_jobs,
        n_files=1,
    )
    nlp = load_nlp(find_language(chosen.card.language).spacy)
    with tempfile.TemporaryDirectory(prefix="spoken_cefr_page_") as folder:
        gradio = _import_gradio(folder)
        blocks = build_page(gradio, Analyst(chosen, listener, nlp, Path(folder)), Path(folder))
        try:
            _, url, _ = blocks.launch(
                server_name=HOST,
                server_port=port,
                share=False,
                quiet=True,
                prevent_thread_lock=True,
                max_file_size=f"{MAX_UPLOAD_MB}mb",
                footer_links=[],
                ssr_mode=False,
                enable_monitoring=False,
                css=CSS,
                theme=_theme(gradio),
                app_kwargs={"middleware": [(Manners, (), {"max_bytes": MAX_UPLOAD_MB << 20})]},
            )
        except OSError:
            raise InputError(f"port {port} of {HOST} is taken: give another with --port") from None
        try:
            yield url
        finally:
            blocks.close(verbose=False)


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


def _import_gradio(uploads: str) -> Any:
    """Gradio, told before its import where uploads go and that it must not phone home."""
    os.environ["GRADIO_TEMP_DIR"] = uploads
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio

    separate_uploads()
    return gradio


def _theme(gradio: Any) -> Any:
    theme = gradio.themes.Base(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    # Before its style sheet is there, Gradio asks the system whether to be dark.
    return theme.set(
        body_background_fill=PAPER,
        body_background_fill_dark=PAPER,
        body_text_color_dark=INK,
        button_primary_background_fill=ACCENT,
        button_primary_background_fill_dark=ACCENT,
        button_primary_background_fill_hover=ACCENT,
        button_primary_background_fill_hover_dark=ACCENT,
    )


def build_page(gradio: Any, analyst: Analyst, uploads: Path) -> Any:
    """The page: a file or a recording goes in, the result comes out below.

    Parameters
    ----------
    uploads : Path
        Folder below which files are put that were sent or chosen.
    """
    examples = [(EXAMPLE_TITLES[path.name], path.name) for path in example_files()]
    with gradio.Blocks(
        title=text("title", "fr"),
        analytics_enabled=False,
        delete_cache=(ABANDONED_S, ABANDONED_S),
    ) as blocks:
        language = gradio.Radio(list(CHOICES), value="fr", label=text("language", "fr"))
        gradio.HTML(f"<h1>{both('title')}</h1><p>{both('purpose')}</p>", elem_classes="cefr")
        audio = gradio.Audio(
            sources=["upload", "microphone"],
            type="filepath",
            label=text("recording", "fr"),
            buttons=[],  # by default there is one that shares on the internet
            elem_id="recording",
        )
        example = gradio.Dropdown(
            examples,
            value=None,
            label=text("example", "fr"),
            visible=bool(examples),
            elem_id="example",
        )
        button = gradio.Button(text("run", "fr"), variant="primary", elem_id="run")
        output = gradio.HTML(elem_id="result", elem_classes="cefr")

        def analyse(
            path: str | None,
            code: str,
            progress: Any = gradio.Progress(),  # noqa: B008
        ) -> str:
            return analyst.analyse(path, code, progress)

        def relabel(code: str) -> list[Any]:
            labels = [
                gradio.update(label=text(key, code)) for key in ("language", "recording", "example")
            ]
            return [*labels, gradio.update(value=text("run", code))]

        def first_language(request: gradio.Request) -> str:
            return "en" if request.headers.get("accept-language", "").startswith("en") else "fr"

        labelled = [language, audio, example, button]
        blocks.load(first_language, None, language, api_visibility="private").then(
            None, language, None, js=SHOW_LANGUAGE, api_visibility="private"
        )
        language.change(relabel, language, labelled, js=SHOW_LANGUAGE, api_visibility="private")
        # Emptied again, so that the same example can be chosen twice.
        example.input(
            lambda name: (take_example(name, uploads), None),
            example,
            [audio, example],
            api_visibility="private",
        )
        # A stopped recording is still on its way for a while; `stop_recording` comes when it
        # is there. Asked before, the answer would be that there is none.
        audio.start_recording(
            lambda: gradio.update(interactive=False), None, button, api_visibility="private"
        )
        for event in (audio.stop_recording, audio.clear):
            event(lambda: gradio.update(interactive=True), None, button, api_visibility="private")
        button.click(analyse, [audio, language], output, api_visibility="private")
    return blocks


@functools.cache
def example_files() -> tuple[Path, ...]:
    """The demo's recordings that the page offers."""
    return tuple(EXAMPLES / name for name in EXAMPLE_TITLES if (EXAMPLES / name).is_file())


def take_example(name: str | None, folder: Path) -> str | None:
    """Path of a copy of an example, by its name from the list; see `uploads.copy_into`."""
    path = next((path for path in example_files() if path.name == name), None)
    return None if path is None else str(copy_into(folder, path))
