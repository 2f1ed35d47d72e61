"""The page: a file or a recording goes in, the answer comes out below."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio
from starlette.middleware.trustedhost import TrustedHostMiddleware

from spoken_cefr.page.analysis import Analyst, Answer
from spoken_cefr.page.manners import HOSTS, Manners
from spoken_cefr.page.result import show_answer
from spoken_cefr.page.uploads import MAX_UPLOAD_MB, copy_into
from spoken_cefr.page.wording import CHOICES, text
from spoken_cefr.paths import ROOT

EXAMPLES = ROOT / "data" / "replica" / "audio"
EXAMPLE_TITLES = {  # one of each level, as its text was written
    "ma_chambre.mp3": "Ma chambre jaune",
    "kermesse.mp3": "La fête de mon école",
    "cafe_reparation.mp3": "Réparer au lieu de jeter",
    "jardins_partages.mp3": "Des potagers au pied des immeubles",
    "entre_deux_rives.mp3": "Entre deux rives",
}
TITLES = {code: text("title", code) for _, code in CHOICES}
# For screen readers, and for the tab of the browser.
TELL_LANGUAGE = (
    "(code) => { document.documentElement.lang = code; "
    f"document.title = {json.dumps(TITLES)}[code]; return code; }}"
)
# System fonts only: no font is fetched.
THEME = gradio.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
)
# Gradio writes the player's times in a grey that is too light on white (1.9 to 1), and marked
# words in black, dark mode or not.
CSS = """
body:not(.dark) { --neutral-400: var(--neutral-500); }
.dark #transcript .highlighted { color: white !important; }
"""
# Private: the page's functions are no service for other programs.
QUIET = {"api_visibility": "private", "show_progress": "hidden"}
LAUNCH: dict[str, Any] = {
    "share": False,
    "quiet": True,
    "prevent_thread_lock": True,
    "max_file_size": f"{MAX_UPLOAD_MB}mb",
    "footer_links": [],
    "ssr_mode": False,
    "enable_monitoring": False,
    "theme": THEME,
    "css": CSS,
    "app_kwargs": {
        "middleware": [
            (TrustedHostMiddleware, (), {"allowed_hosts": HOSTS}),
            (Manners, (), {"max_bytes": MAX_UPLOAD_MB << 20}),
        ]
    },
}


def build_page(analyst: Analyst, uploads: Path) -> gradio.Blocks:
    """The page with its events.

    Parameters
    ----------
    uploads : Path
        Folder below which files are put that were sent or chosen.
    """
    with gradio.Blocks(title=TITLES["fr"], analytics_enabled=False) as blocks:
        language = gradio.Radio(list(CHOICES), value="fr", label=text("language", "fr"))
        heading = gradio.Markdown(_heading("fr"))
        audio = gradio.Audio(
            sources=["upload", "microphone"],
            type="filepath",
            label=text("recording", "fr"),
            buttons=[],  # by default there is one that shares on the internet
            elem_id="recording",
        )
        example = gradio.Dropdown(
            [(EXAMPLE_TITLES[path.name], path.name) for path in example_files()],
            value=None,
            label=text("example", "fr"),
            visible=bool(example_files()),
            elem_id="example",
        )
        button = gradio.Button(text("run", "fr"), variant="primary", elem_id="run")
        answer = gradio.State()
        with gradio.Column(elem_id="result"):
            gradio.render([answer, language])(show_answer)

        _follow_language(blocks, language, [language, audio, example, heading, button])
        # Emptied again, so that the same example can be chosen twice.
        example.input(
            lambda name: (take_example(name, uploads), None), example, [audio, example], **QUIET
        )
        _follow_recording(audio, button)
        # The answer before goes first: beside the progress it would pass for the new one.
        button.click(lambda: None, None, answer, **QUIET).then(
            _analysis(analyst),
            [audio, language],
            [answer, audio],
            show_progress_on=audio,
            api_visibility="private",
        )
    return blocks


def _follow_language(blocks: gradio.Blocks, language: gradio.Radio, labelled: list[Any]) -> None:
    """Begin with the browser's language, and let the page speak the one that is chosen."""

    def relabel(code: str) -> list[Any]:
        labels = [
            gradio.update(label=text(key, code)) for key in ("language", "recording", "example")
        ]
        return [*labels, _heading(code), text("run", code)]

    blocks.load(_first_language, None, language, **QUIET).then(
        None, language, None, js=TELL_LANGUAGE, **QUIET
    )
    language.change(relabel, language, labelled, js=TELL_LANGUAGE, **QUIET)


def _follow_recording(audio: gradio.Audio, button: gradio.Button) -> None:
    # A stopped recording is still on its way for a while; `stop_recording` comes when it
    # is there. Asked before, the answer would be that there is none.
    audio.start_recording(lambda: gradio.update(interactive=False), None, button, **QUIET)
    for event in (audio.stop_recording, audio.clear):
        event(lambda: gradio.update(interactive=True), None, button, **QUIET)
    # Else the words of one recording would be shown along the next.
    audio.change(lambda: gradio.update(subtitles=[]), None, audio, **QUIET)


def _analysis(analyst: Analyst) -> Callable:
    """What the button asks for: the answer, and the words for the player to show in time."""

    def analyse(
        path: str | None,
        code: str,
        progress: gradio.Progress = gradio.Progress(),  # noqa: B008
    ) -> tuple[Answer, Any]:
        answer = analyst.analyse(path, code, progress) if path else Answer({"error": ""})
        words = [
            {"text": word["word"], "timestamp": [word["start_s"], word["end_s"]]}
            for word in answer.result.get("words", [])
        ]
        return answer, gradio.update(subtitles=words)

    return analyse


def _heading(language: str) -> str:
    return f"# {text('title', language)}\n\n{text('purpose', language)}"


def _first_language(request: gradio.Request) -> str:
    return "en" if request.headers.get("accept-language", "").startswith("en") else "fr"


@functools.cache
def example_files() -> tuple[Path, ...]:
    """The demo's recordings that the page offers."""
    return tuple(EXAMPLES / name for name in EXAMPLE_TITLES if (EXAMPLES / name).is_file())


def take_example(name: str | None, folder: Path) -> str | None:
    """Path of a copy of an example, by its name from the list; see `uploads.copy_into`."""
    path = next((path for path in example_files() if path.name == name), None)
    return None if path is None else str(copy_into(folder, path))
