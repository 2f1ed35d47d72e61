"""The page: a recording goes in, or several; the answers come out below."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio
from starlette.middleware.trustedhost import TrustedHostMiddleware

from spoken_cefr.page.analysis import Analyst, Answer
from spoken_cefr.page.manners import HOSTS, Manners
from spoken_cefr.page.result import show_answer, show_table
from spoken_cefr.page.uploads import MAX_FILES, MAX_UPLOAD_MB, copy_into, taken
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
# System fonts only: no font is fetched. Gradio's own blue and greys are too light to be read on
# white (3.7 and 1.9 to 1).
THEME = gradio.themes.Default(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(
    body_text_color_subdued="*neutral_500",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    link_text_color_dark="*primary_400",
)
# What the theme cannot say: the player's grey, an accent by mode, that a level's bar stands under
# its name and not above it, how words of the transcript are marked (white can be read on both
# colours). On a phone the tables keep the columns that there is room for.
CSS = """
body:not(.dark) { --neutral-400: var(--neutral-500); --color-accent: var(--primary-600); }
#probabilities .inner-wrap { flex-direction: column-reverse; }
#probabilities .confidence-set { margin-bottom: var(--size-4); }
#transcript u { text-decoration: underline dotted 0.12em; text-underline-offset: 0.2em; }
#transcript mark { padding: 0.05rem 0.25rem; border-radius: 0.25rem; }
#transcript mark, #transcript mark * { background: #00508c; color: white; }
#transcript mark.unknown, #transcript mark.unknown * { background: #8a3c00; }
.or { color: inherit !important; }
#measures :is(th, td) { padding: 0.2rem 0.3rem; }
@media (min-width: 900px) { #measures td:not(:first-child) { white-space: nowrap; } }
@media (max-width: 640px) {
  #measures :is(th, td):nth-child(n + 3):nth-last-child(n + 3),
  #table :is(th, td):is(:nth-child(3), :nth-child(5)) { display: none; }
  #table :is(th, td) { padding: 0.2rem 0.4rem; }
  #table td:is(:first-child, :last-child) { overflow-wrap: anywhere; }
}
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
    """The page with its events; what is sent or chosen is put below the folder ``uploads``."""
    with gradio.Blocks(title=TITLES["fr"], analytics_enabled=False) as blocks:
        language = gradio.Radio(list(CHOICES), value="fr", label=text("language", "fr"))
        heading = gradio.Markdown(_heading("fr"))
        with gradio.Tabs():
            with gradio.Tab(text("one", "fr")) as one:
                labelled = _build_one(analyst, uploads, language)
            with gradio.Tab(text("several", "fr")) as several:
                labelled |= _build_several(analyst, uploads, language)
        labelled |= {"language": language, "one": one, "several": several}
        _follow_language(blocks, language, heading, labelled)
    return blocks


def _build_one(analyst: Analyst, uploads: Path, language: gradio.Radio) -> dict[str, Any]:
    """A file, a recording or an example, and the whole answer; what is labelled, by its text."""
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
    # Emptied again, so that the same example can be chosen twice.
    example.input(
        lambda name: (take_example(name, uploads), None), example, [audio, example], **QUIET
    )
    _follow_recording(audio, button)

    def analyse(
        path: str | None,
        code: str,
        progress: gradio.Progress = gradio.Progress(),  # noqa: B008
    ) -> tuple[Answer | str, Any]:
        """The answer, and the words for the player to show in time."""
        if not path:
            return "nothing", gradio.skip()
        (answer,) = analyst.analyse([path], code, progress)
        words = [
            {"text": word["word"], "timestamp": [word["start_s"], word["end_s"]]}
            for word in answer.result.get("words", [])
        ]
        return answer, gradio.update(subtitles=words)

    _on_click(button, analyse, audio, language, answer)
    return {"recording": audio, "example": example, "run": button}


def _build_several(analyst: Analyst, uploads: Path, language: gradio.Radio) -> dict[str, Any]:
    """Files, and a table that gets a row as soon as one is done."""
    files = gradio.File(file_count="multiple", label=text("files", "fr"), elem_id="files")
    button = gradio.Button(text("run_all", "fr"), variant="primary", elem_id="run_all")
    answers = gradio.State()
    with gradio.Column(elem_id="results"):
        gradio.render([answers, language])(functools.partial(show_table, card=analyst.card))

    def analyse(
        paths: list[str] | None,
        code: str,
        progress: gradio.Progress = gradio.Progress(),  # noqa: B008
    ) -> Iterator[tuple[list[Any] | str, Any]]:
        """The results so far; the files are gone with the first of them."""
        if not paths:
            yield "nothing", gradio.skip()
        elif len(paths) > MAX_FILES:
            with taken(paths, uploads):
                pass
            yield "too_many", None
        else:
            done = []
            for answer in analyst.analyse(paths, code, progress):
                done.append(answer.result)
                yield [*done], None

    _on_click(button, analyse, files, language, answers)
    return {"files": files, "run_all": button}


def _on_click(button: Any, analyse: Callable, given: Any, language: Any, answer: Any) -> None:
    # The answer before goes first: beside the progress it would pass for the new one.
    button.click(lambda: None, None, answer, **QUIET).then(
        analyse,
        [given, language],
        [answer, given],
        show_progress_on=given,
        api_visibility="private",
    )


def _follow_language(
    blocks: gradio.Blocks, language: gradio.Radio, heading: gradio.Markdown, labelled: Any
) -> None:
    """Begin with the browser's language, and let the page speak the one that is chosen."""

    def relabel(code: str) -> list[Any]:
        told = [
            text(key, code)
            if isinstance(part, gradio.Button)
            else gradio.update(label=text(key, code))
            for key, part in labelled.items()
        ]
        return [_heading(code), *told]

    blocks.load(_first_language, None, language, **QUIET).then(
        None, language, None, js=TELL_LANGUAGE, **QUIET
    )
    language.change(relabel, language, [heading, *labelled.values()], js=TELL_LANGUAGE, **QUIET)


def _follow_recording(audio: gradio.Audio, button: gradio.Button) -> None:
    # A stopped recording is still on its way for a while; `stop_recording` comes when it
    # is there. Asked before, the answer would be that there is none.
    audio.start_recording(lambda: gradio.update(interactive=False), None, button, **QUIET)
    for event in (audio.stop_recording, audio.clear):
        event(lambda: gradio.update(interactive=True), None, button, **QUIET)
    # Else the words of one recording would be shown along the next.
    audio.change(lambda: gradio.update(subtitles=[]), None, audio, **QUIET)


def _heading(language: str) -> str:
    link = f"[{text('levels', language)}]({text('levels_link', language)})"
    return f"# {text('title', language)}\n\n{text('purpose', language)} {link}"


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
