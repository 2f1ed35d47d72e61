"""The measures as a reader knows them, in French and in English."""

from collections.abc import Mapping
from typing import Any

from spoken_cefr.corpus.levels import TARGET_LEVELS, decimal_name
from spoken_cefr.prediction.verdict import equally_likely

# By name: French, English. One that is not here goes by its name.
LABELS: dict[str, tuple[str, str]] = {
    "speech_time": ("durée de parole", "length of speech"),
    "speech_rate": ("débit", "speech rate"),
    "articulation_rate": ("débit sans pauses", "rate without pauses"),
    "pause_rate": ("pauses", "pauses"),
    "pause_length_s": ("durée d’une pause", "length of a pause"),
    "pause_share": ("part du temps en silence", "share of time in silence"),
    "run_length": ("parole entre deux pauses", "speech between two pauses"),
    "zipf": ("fréquence des mots pleins", "frequency of content words"),
    "uncommon_share": ("mots peu courants", "uncommon words"),
    "rare_share": ("mots rares", "rare words"),
    "type_token_ratio": ("mots différents sur 20", "different words in 20"),
    "word_letters": ("longueur d’un mot", "length of a word"),
    "word_syllables": ("longueur d’un mot", "length of a word"),
    "lexical_density": ("densité lexicale", "lexical density"),
    "present_share": ("verbes au présent", "verbs in the present"),
    "imparfait_share": ("verbes à l’imparfait", "verbs in the imparfait"),
    "passe_compose_share": ("verbes au passé composé", "verbs in the passé composé"),
    "futur_share": ("verbes au futur", "verbs in the future"),
    "conditionnel_share": ("verbes au conditionnel", "verbs in the conditional"),
    "subjonctif_share": ("verbes au subjonctif", "verbs in the subjunctive"),
    "subordinate_share": ("propositions subordonnées", "subordinate clauses"),
    "relative_share": ("propositions relatives", "relative clauses"),
    "passive_share": ("propositions au passif", "passive clauses"),
    "clause_words": ("longueur d’une proposition", "length of a clause"),
    "dependency_distance": ("distance d’un mot à son recteur", "from a word to its head"),
    "clause_depth": ("profondeur d’une proposition", "depth of a clause"),
}
UNITS_FR: dict[str, str] = {
    "share": "part",
    "syllables/s": "syllabes/s",
    "syllables": "syllabes",
    "letters": "lettres",
    "words": "mots",
    "dependencies": "dépendances",
}
# The four that every result shows first; of the others those that weigh most.
ALWAYS: tuple[str, ...] = ("speech_rate", "pause_share", "uncommon_share", "subordinate_share")
PERCENT = "share"  # the unit of a part of 1
# How levels that are as probable as each other are told: B2 or C1, equally; B2 and C1 equally.
EQUAL = {"fr": ("ou", "et", "à égalité"), "en": ("or", "and", "equally")}


def label(name: str, unit: str, language: str) -> str:
    """A measure's label with its unit, such as ``speech rate (syllables/s)``."""
    french, english = LABELS.get(name, (name.replace("_", " "),) * 2)
    if unit == PERCENT:
        return french if language == "fr" else english
    return f"{french} ({UNITS_FR.get(unit, unit)})" if language == "fr" else f"{english} ({unit})"


def level_label(level: str, language: str) -> str:
    """A level as told: nothing above C1 is told apart, so that C1 means "C1 or above"."""
    if level != TARGET_LEVELS[-1]:
        return level
    return f"{level} ou plus" if language == "fr" else f"{level} or above"


def level_span(low: str, high: str, language: str) -> str:
    """Levels as told: ``B1``, or ``B1 to C1 or above``."""
    top = level_label(high, language)
    if low == high:
        return top
    return f"de {low} à {top}" if language == "fr" else f"{low} to {top}"


def likely_span(result: Mapping[str, Any], language: str) -> str:
    """The likely levels of a result, and which are as probable as any: ``B2 or C1, equally``."""
    low, high = result["likely_levels"]
    names = list(result["probabilities"])
    likely = names[names.index(low) : names.index(high) + 1]
    equal = equally_likely({name: result["probabilities"][name] for name in likely})
    whole = level_span(low, high, language)
    if not equal:
        return whole
    either, both, equally = EQUAL[language]
    first, last = ", ".join(equal[:-1]), equal[-1]
    if equal == likely:
        return f"{first} {either} {last}, {equally}"
    return f"{whole}, {first} {both} {last} {equally}"


def number(value: float | None, unit: str) -> str:
    """A value as told: shares in per cent, others to three digits, ``-`` for undefined."""
    if value is None:
        return "-"
    if unit == PERCENT:
        return f"{100 * value:.0f}%"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def effect(levels: float | None) -> str:
    """By how many levels a result is moved, such as ``+0.21``; ``-`` where it is not looked at."""
    if levels is None:
        return "-"
    return f"{levels:+.2f}".replace("-0.00", "0").replace("+0.00", "0")


def measures_effect(measures: Mapping[str, Any]) -> float:
    """By how many levels all measures together move a result."""
    return sum(row["contribution"] or 0.0 for row in measures.values())


def starting_level(result: Mapping[str, Any]) -> str:
    """From which level the effects of measures and words move a result, such as ``B2.5``."""
    moved = measures_effect(result["measures"]) + result["word_vectors_contribution"]
    return decimal_name(min(max(1.0, result["score"] - moved), 5.999))


def span(quartiles: tuple[float, float, float] | list[float] | None, unit: str) -> str:
    """The middle half of a level, such as ``23-45%``."""
    if not quartiles:
        return "-"
    low, high = number(quartiles[0], unit), number(quartiles[2], unit)
    return low if low == high else f"{low.removesuffix('%')}-{high}"


def by_weight(measures: Mapping[str, Any], n: int) -> list[str]:
    """Names of the ``n`` measures to show: `ALWAYS`, then those that weigh most."""
    first = [name for name in ALWAYS if name in measures]
    return [*first, *(name for name in measures if name not in first)][:n]
