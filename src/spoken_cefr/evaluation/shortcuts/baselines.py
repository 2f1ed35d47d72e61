"""Answers that need no recording: a result counts only above these.

Each baseline gives a table of predictions as the networks write it: every recording
and segment is answered by what was learned from the other folds, as by a network.
They learn from the validation part too: they have no epoch to choose.

The models that know a recording's card on the site answer on a corpus that was processed
here, where the duration is known in seconds, and on a bare catalogue, which holds its class.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from spoken_cefr.corpus.levels import TARGET_LEVELS, level_codes
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.reading import UNITS

# What each model reads of a card, in the columns of `card_features`.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "duration_only": ("duration",),
    "age_gender_duration": ("age_group", "gender", "duration"),
    "metadata_text": ("text",),
    "all_metadata": ("age_group", "gender", "duration", "year", "text"),
}
DESCRIPTIONS: Mapping[str, str] = {
    "duration_only": "logistic regression on the duration",
    "age_gender_duration": "logistic regression on the speaker's age and gender, and duration",
    "metadata_text": "logistic regression on TF-IDF of title, description and themes",
    "all_metadata": "logistic regression on age, gender, duration, year and the text",
}
# A title such as "Mon collège (A1)" would give the answer away.
_LEVEL_NAME = re.compile(r"\b[ABC][12]\b")
_MAX_ITER = 2000
BASELINES: Mapping[str, str] = {
    "majority": "always the most frequent level of the other folds",
    "stratified_random": "levels drawn at random with their shares in the other folds",
    **DESCRIPTIONS,
}


def all_baselines(
    units: pd.DataFrame,
    metadata: pd.DataFrame,
    *,
    seed: int,
    levels: Sequence[str] = TARGET_LEVELS,
    n_seeds: int = 1,
) -> dict[str, pd.DataFrame]:
    """The predictions of each of ``BASELINES``, by name, in that order.

    Units have the columns unit, id, recording_id, speaker_id, fold, level;
    ``stratified_random`` is drawn ``n_seeds`` times.
    """
    shares = functools.partial(from_shares, levels=levels)
    learners = {
        "majority": shares,
        "stratified_random": lambda told: pd.concat(
            shares(told, seed=seed + number).assign(seed=number) for number in range(n_seeds)
        ),
    } | {
        name: functools.partial(from_metadata, metadata=metadata, fields=fields, levels=levels)
        for name, fields in FIELDS.items()
    }
    return {name: out_of_fold(learner, units) for name, learner in learners.items()}


def out_of_fold(
    learner: Callable[[pd.DataFrame], pd.DataFrame], units: pd.DataFrame
) -> pd.DataFrame:
    """What a baseline answers to each fold when it has learned from the others.

    The learner gets the units with the column part ("train", or "test" for the fold
    that is asked) and gives predictions of all of them.
    """
    tables = []
    for fold in np.unique(units["fold"]):
        told = learner(units.assign(part=np.where(units["fold"] == fold, "test", "train")))
        tables.append(told[told["part"] == "test"])
    table = pd.concat(tables, ignore_index=True)
    return table if "seed" in table else table.assign(seed=0)


def from_shares(
    units: pd.DataFrame, *, seed: int | None = None, levels: Sequence[str] = TARGET_LEVELS
) -> pd.DataFrame:
    """Answer train's most frequent level, or with a seed one drawn from train's shares.

    They are counted in the unit that is scored, and are the probabilities: longer
    recordings weigh more in segments. The lower level wins a tie.
    """
    rng, tables = np.random.default_rng(seed), []
    for unit in UNITS:
        rows = units[units["unit"] == unit]
        train = level_codes(rows["level"][rows["part"] == "train"], classes=levels)
        if rows.empty:
            continue
        if train.size == 0:
            raise InputError(f"the train part has no {unit}: the majority level is unknown")
        shares = np.bincount(train, minlength=len(levels)) / train.size
        table = _predictions(rows, np.tile(shares, (len(rows), 1)), levels=levels)
        if seed is not None:
            table["predicted"] = rng.choice(np.asarray(levels, dtype=object), len(rows), p=shares)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def from_metadata(
    units: pd.DataFrame,
    metadata: pd.DataFrame,
    *,
    fields: Sequence[str],
    levels: Sequence[str] = TARGET_LEVELS,
) -> pd.DataFrame:
    """Answer from fields of the recording's card; a segment gets its recording's answer.

    Fields are one of the values of `FIELDS`.
    InputError if a recording of the split has no duration in the metadata.
    """
    recordings = units[units["unit"] == "recording"]
    cards = metadata.drop_duplicates("recording_id").set_index("recording_id")
    cards = cards.reindex(recordings["recording_id"])
    features = card_features(cards, np.log(_durations_s(cards)))
    codes = level_codes(recordings["level"], classes=levels)
    train = (recordings["part"] == "train").to_numpy()
    probabilities = fit_probabilities(
        fields, features[train], codes[train], features, n_classes=len(levels)
    )
    row_of = pd.Series(np.arange(len(recordings)), index=recordings["recording_id"])
    rows = row_of.loc[units["recording_id"]].to_numpy()
    return _predictions(units, probabilities[rows], levels=levels)


def _durations_s(cards: pd.DataFrame) -> pd.Series:
    durations_s = pd.to_numeric(cards["duration_s"], errors="coerce").astype(np.float64)
    unusable = ~(durations_s > 0)
    if unusable.any():
        raise InputError(
            f"metadata.csv has no duration_s over 0 for recording "
            f"{cards.index[unusable][0]!r}: run scraping again"
        )
    return durations_s


def _predictions(
    rows: pd.DataFrame, probabilities: np.ndarray, *, levels: Sequence[str]
) -> pd.DataFrame:
    table = rows.reset_index(drop=True)
    table["predicted"] = np.asarray(levels, dtype=object)[probabilities.argmax(axis=1)]
    for index, level in enumerate(levels):
        table[f"p_{level}"] = probabilities[:, index]
    return table


def card_features(cards: pd.DataFrame, duration: pd.Series) -> pd.DataFrame:
    """Lay out what the models read of cards, in the order of the rows.

    Columns duration (natural logarithm of the duration in s, or the site's class),
    age_group, gender, year (float64, NaN where unknown), text (title, description
    and themes, names of levels taken out). A card says "" or NaN where the site
    says nothing.
    """
    told = cards[["title", "description", "themes", "date", "age_group", "gender"]]
    told = told.astype(object).where(told.notna(), "").astype(str)
    text = told["title"] + " . " + told["description"] + " . " + told["themes"]
    return pd.DataFrame(
        {
            "duration": duration.to_numpy(),
            "age_group": told["age_group"].to_numpy(),
            "gender": told["gender"].to_numpy(),
            "year": pd.to_numeric(told["date"].str[:4], errors="coerce").to_numpy(np.float64),
            "text": text.str.replace(_LEVEL_NAME, " ", regex=True).to_numpy(),
        }
    )


def fit_probabilities(
    fields: Sequence[str],
    train: pd.DataFrame,
    codes: np.ndarray,
    rows: pd.DataFrame,
    *,
    n_classes: int,
) -> np.ndarray:
    """Learn from the train rows' codes and answer for others. -> (n_rows, n_classes), float64

    Fields are columns of :func:`card_features`; the text is left out where no word
    is in two of the train rows' texts. A class that train does not hold has
    probability 0.
    """
    seen = np.unique(codes)
    fields = [name for name in fields if name != "text" or _share_a_word(train["text"])]
    if seen.size == 1 or not fields:  # nothing to tell apart, or nothing to tell it by
        model = DummyClassifier(strategy="prior")
    else:
        model = metadata_model(fields, train)
    probabilities = np.zeros((len(rows), n_classes))
    probabilities[:, seen] = model.fit(train, codes).predict_proba(rows)
    return probabilities


def metadata_model(fields: Sequence[str], rows: pd.DataFrame) -> Pipeline:
    """An unfitted multinomial logistic regression on some fields of a card."""
    steps = [(name, _encoder(name, rows), name if name == "text" else [name]) for name in fields]
    return make_pipeline(ColumnTransformer(steps), LogisticRegression(max_iter=_MAX_ITER))


def _encoder(name: str, rows: pd.DataFrame):
    if name == "text":
        return _tf_idf()
    if pd.api.types.is_numeric_dtype(rows[name]):
        imputer = SimpleImputer(strategy="median", keep_empty_features=True)
        return make_pipeline(imputer, StandardScaler())
    return OneHotEncoder(handle_unknown="ignore")


def _tf_idf() -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, strip_accents="unicode")


def _share_a_word(texts: pd.Series) -> bool:
    try:
        _tf_idf().fit(texts)
    except ValueError:  # scikit-learn's way to say that no word is left
        return False
    return True
