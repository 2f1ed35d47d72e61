"""Models that know a recording's card on the site and never hear the recording.

The same models answer on a corpus that was processed here, where the duration
is known in seconds, and on a bare catalogue, which holds a duration class.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# What each model reads of a card, in the columns of `card_features`.
FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "duration_only": ("duration",),
        "age_gender_duration": ("age_group", "gender", "duration"),
        "metadata_text": ("text",),
        "all_metadata": ("age_group", "gender", "duration", "year", "text"),
    }
)
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "duration_only": "logistic regression on the duration",
        "age_gender_duration": "logistic regression on the speaker's age and gender, and duration",
        "metadata_text": "logistic regression on TF-IDF of title, description and themes",
        "all_metadata": "logistic regression on age, gender, duration, year and the text",
    }
)
# A title such as "Mon collège (A1)" would give the answer away.
_LEVEL_NAME = re.compile(r"\b[ABC][12]\b")
_MAX_ITER = 2000


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
