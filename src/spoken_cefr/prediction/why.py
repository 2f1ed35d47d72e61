"""Why this level, in one plain sentence: what raised it, what lowered it."""

from collections.abc import Iterator, Mapping
from typing import Any

MIN_EFFECT = 0.05  # of a level: less is shown as "0" or one tenth of a tenth
MAX_TOLD = 5

# By measure: what a low and a high value are called, in French and in English.
TOLD: dict[str, dict[str, tuple[str, ...]]] = {
    "fr": {
        "speech_time": ("enregistrement court", "enregistrement long"),
        "speech_rate": ("débit lent", "débit rapide"),
        "articulation_rate": ("parole posée entre les pauses", "parole rapide entre les pauses"),
        "pause_rate": ("pauses rares", "pauses fréquentes"),
        "pause_length_s": ("pauses courtes", "pauses longues"),
        "pause_share": ("peu de silence", "beaucoup de silence"),
        "run_length": ("parole souvent interrompue", "longs passages sans pause"),
        "zipf": ("vocabulaire recherché", "vocabulaire courant"),
        "uncommon_share": ("vocabulaire courant", "beaucoup de mots peu courants"),
        "rare_share": ("peu de mots rares", "beaucoup de mots rares"),
        "type_token_ratio": ("mots souvent répétés", "mots variés"),
        "word_letters": ("mots courts", "mots longs"),
        "word_syllables": ("mots courts", "mots longs"),
        "lexical_density": ("peu de mots pleins", "beaucoup de mots pleins"),
        "present_share": ("peu de verbes au présent", "surtout des verbes au présent"),
        "imparfait_share": ("imparfait rare", "imparfait fréquent"),
        "passe_compose_share": ("passé composé rare", "passé composé fréquent"),
        "futur_share": ("futur rare", "futur fréquent"),
        "conditionnel_share": ("conditionnel rare", "conditionnel fréquent"),
        "subjonctif_share": ("subjonctif rare", "subjonctif fréquent"),
        "subordinate_share": ("subordonnées rares", "subordonnées fréquentes"),
        "relative_share": ("relatives rares", "relatives fréquentes"),
        "passive_share": ("passif rare", "passif fréquent"),
        "clause_words": ("propositions courtes", "propositions longues"),
        "dependency_distance": ("phrases faciles à suivre", "mots liés loin l’un de l’autre"),
        "clause_depth": ("phrases peu emboîtées", "phrases emboîtées"),
        "": ("mots comme dans les textes faciles", "mots comme dans les textes difficiles"),
        "raise": ("ce qui rend l’écoute plus difficile : ",),
        "lower": ("ce qui la rend plus facile : ",),
        "then": (" ; ",),
        "none": ("rien de ce qui est mesuré ne l’éloigne nettement du milieu",),
    },
    "en": {
        "speech_time": ("a short recording", "a long recording"),
        "speech_rate": ("slow speech", "fast speech"),
        "articulation_rate": ("slow between pauses", "fast between pauses"),
        "pause_rate": ("rare pauses", "frequent pauses"),
        "pause_length_s": ("short pauses", "long pauses"),
        "pause_share": ("little silence", "much silence"),
        "run_length": ("speech often interrupted", "long stretches without a pause"),
        "zipf": ("uncommon vocabulary", "common vocabulary"),
        "uncommon_share": ("common vocabulary", "many uncommon words"),
        "rare_share": ("few rare words", "many rare words"),
        "type_token_ratio": ("words often repeated", "varied words"),
        "word_letters": ("short words", "long words"),
        "word_syllables": ("short words", "long words"),
        "lexical_density": ("few content words", "many content words"),
        "present_share": ("few verbs in the present", "mostly verbs in the present"),
        "imparfait_share": ("rare imparfait", "frequent imparfait"),
        "passe_compose_share": ("rare passé composé", "frequent passé composé"),
        "futur_share": ("rare future", "frequent future"),
        "conditionnel_share": ("rare conditional", "frequent conditional"),
        "subjonctif_share": ("rare subjunctive", "frequent subjunctive"),
        "subordinate_share": ("rare subordinate clauses", "frequent subordinate clauses"),
        "relative_share": ("rare relative clauses", "frequent relative clauses"),
        "passive_share": ("rare passive", "frequent passive"),
        "clause_words": ("short clauses", "long clauses"),
        "dependency_distance": ("sentences easy to follow", "related words far apart"),
        "clause_depth": ("shallow sentences", "nested sentences"),
        "": ("words like those of easy texts", "words like those of hard texts"),
        "raise": ("what makes it harder: ",),
        "lower": ("what makes it easier: ",),
        "then": ("; ",),
        "none": ("nothing that is measured moves it clearly away from the middle",),
    },
}


def why(result: Mapping[str, Any], language: str) -> str:
    """What moved a result most, such as ``What makes it harder: fast speech.``

    Empty where the model does not tell of any measure what it does.
    """
    measures = result["measures"]
    if all(row["contribution"] is None for row in measures.values()):
        return ""
    words = TOLD[language]
    # The words themselves (word vectors) have no value that is high or low: the effect says it.
    vectors = {"contribution": result["word_vectors_contribution"], "value": 0.0, "ranges": {}}
    moved: dict[str, list[str]] = {"raise": [], "lower": []}
    for name, high, push in sorted(_clear({**measures, "": vectors}), key=lambda row: -abs(row[2])):
        said = words[name][high]
        told = moved["raise" if push > 0 else "lower"]
        if said not in told and sum(map(len, moved.values())) < MAX_TOLD:
            told.append(said)
    sides = [words[way][0] + ", ".join(said) for way, said in moved.items() if said]
    sentence = words["then"][0].join(sides) or words["none"][0]
    return f"{sentence[0].upper()}{sentence[1:]}."


def _clear(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, bool, float]]:
    """Name, whether the value is high, and effect of what a reader can check in the ranges.

    An effect against the ranges ("many rare words lower it") only corrects another measure's.
    """
    for name, row in rows.items():
        push = row["contribution"] or 0.0
        if abs(push) < MIN_EFFECT or row["value"] is None or name not in TOLD["fr"]:
            continue
        medians = [quartiles[1] for quartiles in row["ranges"].values()]
        if not medians:  # of speed, length and words: more is harder
            yield name, push > 0, push
            continue
        high = row["value"] > sum(medians) / len(medians)
        rises = medians[-1] - medians[0]
        if rises and (rises > 0) == (high == (push > 0)):
            yield name, high, push
