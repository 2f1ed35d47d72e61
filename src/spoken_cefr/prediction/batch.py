"""Several recordings: what `spoken-cefr predict` and ``from spoken_cefr import predict`` do."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language

from spoken_cefr.config import load_config, prediction_profile
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.prediction.choice import choose_model
from spoken_cefr.prediction.listening import listen, load_listener
from spoken_cefr.prediction.models import LevelModel
from spoken_cefr.prediction.recording import rate_recording
from spoken_cefr.prediction.sources import find_recordings
from spoken_cefr.processing.transcription.engines import FasterWhisper
from spoken_cefr.progress import progress, tell


def predict(
    paths: str | Path | Sequence[str | Path],
    *,
    model: str | Path | None = None,
    profile: str | None = None,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Say for which level each recording suits.

    Parameters
    ----------
    paths : path or sequence of paths
        Audio files (mp3, wav, flac, ogg) of 3 s to 30 minutes; of a folder,
        all that it holds.
    model : path, optional
        Folder of a model bundle; see `choice.choose_model` for the default.
    profile : str, optional
        Whose bundle is used.
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
    return list(predict_each(paths, model=model, profile=profile, quiet=quiet))


def predict_each(
    paths: str | Path | Sequence[str | Path],
    *,
    model: str | Path | None = None,
    profile: str | None = None,
    quiet: bool = False,
) -> Iterator[dict[str, Any]]:
    """`predict` that gives each result as soon as it is there."""
    paths = [paths] if isinstance(paths, str | Path) else paths
    files, remarks = find_recordings(paths)
    chosen = choose_model(model, profile)
    for remark in [] if quiet else remarks:
        tell(remark)
    n_jobs = load_config(prediction_profile(profile)).n_jobs
    outcomes = predict_files(files, model=chosen, n_jobs=n_jobs)
    yield from progress(outcomes, desc="predict", unit="recording", total=len(files), disable=quiet)


def predict_files(
    files: Sequence[Path],
    *,
    model: LevelModel,
    n_jobs: int,
    listener: FasterWhisper | None = None,
    nlp: Language | None = None,
) -> Iterator[dict[str, Any]]:
    """Results of the files in their order, as they are done; see `predict`."""
    language = find_language(model.card.language)
    nlp = nlp or load_nlp(language.spacy)
    listener = listener or load_listener(
        model.transcription["model"],
        compute_type=model.transcription["compute_type"],
        n_jobs=n_jobs,
        n_files=len(files),
    )
    heard_of = listen(listener, files, language=language.whisper, n_jobs=n_jobs)
    for file, heard in zip(files, heard_of, strict=True):
        if isinstance(heard, InputError):
            yield {"file": printable(str(file)), "error": printable(str(heard))}
        else:
            result = rate_recording(heard, model, nlp).to_dict()
            yield result | {"file": printable(result["file"])}


def printable(text: str) -> str:
    """Text with the bytes of a file name that are not UTF-8 written out as ``\\xe9``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
