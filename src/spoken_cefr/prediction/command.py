"""Several recordings: what `spoken-cefr predict` and ``from spoken_cefr import predict`` do."""

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from spoken_cefr.config import load_config, prediction_profile
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError, printable
from spoken_cefr.measures.pipeline import nlp_of
from spoken_cefr.prediction.choice import choose_model
from spoken_cefr.prediction.listening import Wish, find_recordings, listen, load_listener
from spoken_cefr.prediction.models import LevelModel
from spoken_cefr.prediction.recording import rate_recording
from spoken_cefr.prediction.report import text_report
from spoken_cefr.prediction.results_table import ResultsTable
from spoken_cefr.processing.transcription.engines import FasterWhisper
from spoken_cefr.progress import progress, tell


def predict(
    paths: str | Path | Sequence[str | Path],
    *,
    model: str | Path | None = None,
    profile: str | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Say for which level each recording suits.

    Parameters
    ----------
    paths : path or sequence of paths
        Audio files (mp3, m4a, wav, flac, ogg, ...), or the sound of videos, of 3 s to 30
        minutes; of a folder, all that it holds.
    model : path, optional
        Folder of a bundle or of a trained run; see `choice.choose_model` for the default.
    profile : str, optional
        Whose bundle is used.
    from_s, to_s : float, optional
        Only this part of each recording counts, in seconds.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    list of dict
        One for each file, as ``doc/predict_schema.json`` says; a file that
        cannot be used has only ``file`` and ``error``.

    Raises
    ------
    InputError
        If there is no file, no model, or a folder without audio.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    files, remarks = find_recordings(paths)
    chosen = choose_model(model, profile)
    for remark in [] if quiet else remarks:
        tell(remark)
    return list(_predicted(files, chosen, profile=profile, from_s=from_s, to_s=to_s, quiet=quiet))


def _predicted(
    files: Sequence[Path],
    model: LevelModel,
    *,
    profile: str | None,
    from_s: float | None,
    to_s: float | None,
    quiet: bool = False,
) -> Iterator[dict[str, Any]]:
    if not files:
        return
    n_jobs = load_config(prediction_profile(profile)).n_jobs
    outcomes = predict_files(files, model=model, n_jobs=n_jobs, from_s=from_s, to_s=to_s)
    yield from progress(outcomes, desc="predict", unit="recording", total=len(files), disable=quiet)


def predict_files(
    files: Sequence[Path],
    *,
    model: LevelModel,
    n_jobs: int,
    from_s: float | None = None,
    to_s: float | None = None,
    listener: FasterWhisper | None = None,
) -> Iterator[dict[str, Any]]:
    """Results of the files in their order, as they are done; see `predict`."""
    language = find_language(model.card.language)
    with ThreadPoolExecutor(1) as loader:
        parser = loader.submit(nlp_of, language.code)  # while the first recording is heard
        listener = listener or load_listener(
            **model.transcription,
            n_jobs=n_jobs,
            n_files=len(files),
        )
        heard_of = listen(listener, files, Wish(language.whisper, from_s, to_s), n_jobs=n_jobs)
        for file, heard in zip(files, heard_of, strict=True):
            if isinstance(heard, InputError):
                yield {"file": printable(str(file)), "error": str(heard)}
            else:
                yield rate_recording(heard, model, parser.result())


def run(
    paths: Sequence[str],
    *,
    model: str | None,
    profile: str | None,
    as_json: bool,
    csv: str | None,
    resume: bool = False,
    from_s: float | None = None,
    to_s: float | None = None,
) -> int:
    """Print each result, and write its row, when it is there; 1 if any recording failed, else 0."""
    if resume and csv is None:
        raise InputError("--resume goes on with a table: name it with --csv")
    chosen = choose_model(model, profile)
    files, remarks = find_recordings(paths)
    for remark in remarks:
        tell(remark)
    failed = False
    with ResultsTable(csv, chosen.card, resume=resume) as table:
        files = [file for file in files if printable(str(file)) not in table.done]
        if table.done:
            tell(f"{len(table.done)} results are in {csv} already, {len(files)} files are left")
        results = _predicted(files, chosen, profile=profile, from_s=from_s, to_s=to_s)
        for n, result in enumerate(results):
            failed |= "error" in result
            table.add(result)
            if as_json:
                print("," if n else "[", json_text(result), sep="\n", flush=True)
            if "error" in result:
                tell(f"spoken-cefr: {result['error']}")
            elif not as_json:
                tell(text_report(result), file=sys.stdout)
    if as_json:
        print("]" if files else "[]")
    return 1 if failed else 0


def json_text(result: dict[str, Any]) -> str:
    """One result as JSON; in an encoding that lacks a character, only an escape keeps it."""
    escapes = sys.stdout.encoding.lower() not in ("utf-8", "utf8")
    return json.dumps(result, ensure_ascii=escapes, indent=2, allow_nan=False)
