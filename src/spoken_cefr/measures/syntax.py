"""Tense, mood, subordination and the shape of clauses, from a parsed text.

Everything is counted by clause, and a clause is what a finite verb governs, so
that it hardly matters where a transcript puts its full stops. Labels are those of
Universal Dependencies (de Marneffe, Manning, Nivre & Zeman, 2021, Computational
Linguistics 47).
"""

from __future__ import annotations  # spaCy is only named here: its import takes 1.5 s

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from spoken_cefr.corpus.languages import FRENCH

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

TENSES = ("present", "imparfait", "passe_compose", "futur", "conditionnel", "subjonctif")
# Relations that hold a clause together. Others (parataxis, conj, advcl, appos ...) tie clauses
# and asides to each other, and there a parser follows the punctuation.
INNER = frozenset(
    """nsubj nsubj:pass nsubj:caus obj iobj obl:arg obl:agent obl:mod det case amod nummod nmod aux
    aux:tense aux:pass aux:caus cop xcomp expl:subj expl:comp expl:pass mark fixed flat
    flat:name advmod acl""".split()  # noqa: SIM905
)
# Verbs whose compound tenses take "être": the parser reads "est allée" as a passive.
ETRE_VERBS = frozenset(
    """aller arriver décéder demeurer descendre devenir entrer intervenir monter mourir naître
    partir parvenir passer provenir redevenir rentrer repartir rester retomber retourner revenir
    sortir survenir tomber venir""".split()  # noqa: SIM905
)
# The same for any treebank, whatever follows the colon.
INNER_ANYWHERE = frozenset({name.split(":")[0] for name in INNER})
SUBORDINATE = frozenset({"advcl", "acl", "ccomp", "csubj"})
# The Spanish and Catalan treebank labels the passive as any auxiliary.
PASSIVE_AUXILIARIES = frozenset({"ser", "ésser"})
MAX_DISTANCE = 8  # words; a longer arc inside a clause is mostly one across a missing full stop
_TENSES = {"Pres": "present", "Imp": "imparfait", "Fut": "futur", "Past": "passe_simple"}
_MOODS = {"Cnd": "conditionnel", "Sub": "subjonctif", "Imp": "imperatif"}
_COMPOUND = {"present": "passe_compose", "imparfait": "plus_que_parfait"}
# Forms that can be one tense only; the tagger takes many of them for a present.
_FORMS = (
    (
        "subjonctif",
        r"so(is|it|yons|yez|ient)|aies?|ait|ay(ons|ez)|aient|puiss(es?|ions|iez|ent)|"
        r"fass(es?|ions|iez|ent)|sach(es?|iez|ent)|aill(es?|ent)|(re|de|par)?viennes?|"
        r"(main|ob)?tiennes?|(ap|com)?prennes?|veuill(es|ent)|faille",
    ),
    (
        "futur",
        r"(?!(dés|t|ret|att|adm|resp)ir)\w*([eid]r|cevr|devr|[eou]rr|[ms]?aur)(ai|ons|ez|ont)",
    ),
    (
        "imparfait",
        r"(?!(sai|fai|refai|vai|plai|tai|(re)?connai|nai|parai|hai)[st]$)\w*[^r](ais|ait|aient)",
    ),
    # Not the present of verbs in -ier.
    ("imparfait", r"(?!(oubl|étud|publ|env|appréc|conf|mar|sk|négoc)i)\w{2,}[^ri]i(ons|ez)"),
)
# Where the tagger is believed all the same: parlions may be a subjunctive, sois an order.
_DOUBTFUL = {("imparfait", "subjonctif"), ("subjonctif", "imperatif"), ("futur", "passe_simple")}


def syntax_measures(doc: Doc) -> dict[str, float]:
    """Measures of the clauses of a parsed text.

    The share of the finite verbs in each of `TENSES`; ``subordinate_share`` and
    ``relative_share`` of the clauses, in French by the words that begin such clauses,
    else by the relation of their heads; ``passive_share`` of the clauses; ``clause_words``, the
    words per clause; inside clauses ``dependency_distance``, the mean number of words from a word
    to its head, and ``clause_depth``, the mean over clauses of the longest way down from its verb,
    in dependencies. All NaN for a text without a finite verb.
    """
    finite = [token for token in doc if is_finite(token)]
    if not finite:
        names = [f"{tense}_share" for tense in TENSES]
        names += ["subordinate_share", "relative_share", "passive_share"]
        names += ["clause_words", "dependency_distance", "clause_depth"]
        return dict.fromkeys(names, float("nan"))
    tenses = Counter(tense_of(token) for token in finite)
    heads = {clause_head(token).i: clause_head(token) for token in finite}
    n_words = sum(not _is_sign(token) for token in doc)
    if _is_french(doc):
        subordinate, relative = (
            sum(map(begins, doc)) for begins in (_begins_subordinate, _is_relative)
        )
    else:
        relations = [head.dep_ for head in heads.values()]
        subordinate = sum(relation.split(":")[0] in SUBORDINATE for relation in relations)
        relative = sum(map(_heads_relative, heads.values()))
    return {
        **{f"{tense}_share": tenses[tense] / len(finite) for tense in TENSES},
        "subordinate_share": min(1.0, subordinate / len(heads)),
        "relative_share": min(1.0, relative / len(heads)),
        "passive_share": sum(map(is_passive, heads.values())) / len(heads),
        "clause_words": n_words / len(heads),
        "dependency_distance": _dependency_distance(doc, heads),
        "clause_depth": _clause_depth(doc, heads),
    }


def is_finite(token: Token) -> bool:
    """Whether a token is a verb or auxiliary with a person."""
    return token.pos_ in ("VERB", "AUX") and "Fin" in token.morph.get("VerbForm")


def clause_head(token: Token) -> Token:
    """The word that heads the clause of a finite verb: for ``a mangé`` it is ``mangé``."""
    while token.dep_.startswith(("aux", "cop")) and token.head != token:
        token = token.head
    return token


def tense_of(token: Token) -> str:
    """Tense or mood of a finite verb: one of `TENSES`, or another such as ``plus_que_parfait``.

    A compound tense goes by its auxiliary: ``j'ai mangé`` is passé composé, ``j'aurais
    mangé`` conditionnel. ``aller`` in the present with an infinitive is counted as futur
    (``je vais manger``). Stages of learning go by these forms: Bartning & Schlyter (2004),
    "Itinéraires acquisitionnels et stades de développement en français L2", Journal of
    French Language Studies 14.
    """
    if not _is_french(token.doc):
        return _marked_tense(token)
    tense = _form_tense(token)
    if _is_tense_auxiliary(token):
        return _COMPOUND.get(tense, tense)
    if token.lemma_ == "aller" and tense == "present" and _has_infinitive(token):
        return "futur"
    return tense


def _marked_tense(token: Token) -> str:
    """Tense or mood as it is tagged; a present with a participle is a passé composé."""
    tense = _tagged_tense(token)
    if token.dep_.split(":")[0] != "aux" or _is_of_passive(token):
        return tense
    # In "ha sido amable" the participle is the copula of the same head.
    verbs = [token.head, *(child for child in token.head.children if child.dep_ == "cop")]
    if any("Part" in verb.morph.get("VerbForm") for verb in verbs):
        return _COMPOUND.get(tense, tense)
    return tense


def _is_of_passive(token: Token) -> bool:
    """Whether an auxiliary makes a passive: labelled so, or ``ser`` with a participle."""
    unlabelled = token.dep_ == "aux" and token.lemma_ in PASSIVE_AUXILIARIES
    return token.dep_ == "aux:pass" or (unlabelled and "Part" in token.head.morph.get("VerbForm"))


def _tagged_tense(token: Token) -> str:
    mood = "".join(token.morph.get("Mood"))
    tense = "".join(token.morph.get("Tense"))
    return _MOODS.get(mood) or _TENSES.get(tense, "other")


def _form_tense(token: Token) -> str:
    """Tense or mood of the form itself, by its spelling where that leaves no doubt."""
    tagged = _tagged_tense(token)
    for name, pattern in _FORMS:
        if re.fullmatch(pattern, token.lower_):
            return tagged if (name, tagged) in _DOUBTFUL else name
    return tagged


def is_passive(head: Token) -> bool:
    """Whether the head of a clause is a participle in the passive (``est préparé``)."""
    if not _is_french(head.doc):
        return any(map(_is_of_passive, head.children))
    return head.pos_ == "VERB" and any(
        child.dep_ == "aux:pass" and not _is_active(child) for child in head.children
    )


def _is_tense_auxiliary(token: Token) -> bool:
    return token.dep_ == "aux:tense" or (token.dep_ == "aux:pass" and _is_active(token))


def _is_active(auxiliary: Token) -> bool:
    """Whether what the parser calls a passive is the compound tense of a verb with être."""
    participle = auxiliary.head
    reflexive = any("Yes" in child.morph.get("Reflex") for child in participle.children)
    return auxiliary.lemma_ == "être" and (reflexive or participle.lemma_ in ETRE_VERBS)


def _has_infinitive(token: Token) -> bool:
    return any(
        child.dep_ == "xcomp" and "Inf" in child.morph.get("VerbForm") for child in token.children
    )


def _begins_subordinate(token: Token) -> bool:
    """Whether a token is a conjunction (``que``, ``si``) or a relative pronoun."""
    return token.pos_ == "SCONJ" or _is_relative(token)


def _is_relative(token: Token) -> bool:
    """Whether a token is a relative pronoun, other than the one of ``est-ce que``."""
    in_question = token.i > 0 and token.nbor(-1).lower_ == "-ce"
    return "Rel" in token.morph.get("PronType") and not in_question


def _heads_relative(head: Token) -> bool:
    """Whether a clause belongs to a noun and holds a relative pronoun, or is labelled so."""
    if head.dep_ == "acl:relcl":
        return True
    marked = any("Rel" in token.morph.get("PronType") for token in head.subtree)
    return head.dep_ == "acl" and marked


def _is_french(doc: Doc) -> bool:
    return doc.lang_ == FRENCH


def _holds(token: Token) -> bool:
    """Whether the relation of a token holds a clause together."""
    if _is_french(token.doc):
        return token.dep_ in INNER
    return token.dep_.split(":")[0] in INNER_ANYWHERE and token.dep_ != "acl:relcl"


def _is_sign(token: Token) -> bool:
    return token.is_punct or token.is_space or not any(map(str.isalnum, token.text))


def _dependency_distance(doc: Doc, heads: dict[int, Token]) -> float:
    """Mean distance between a word and its head inside a clause, in words without signs."""
    place = np.cumsum([not _is_sign(token) for token in doc])
    distances = [
        abs(int(place[token.i]) - int(place[token.head.i]))
        for token in doc
        if _holds(token) and token.i not in heads and not _is_sign(token)
    ]
    near = [distance for distance in distances if distance <= MAX_DISTANCE]
    return float(np.mean(near)) if near else float("nan")


def _clause_depth(doc: Doc, heads: dict[int, Token]) -> float:
    deepest = dict.fromkeys(heads, 0)
    for token in doc:
        depth, head = 0, token
        while head.i not in heads and _holds(head):
            depth, head = depth + 1, head.head
        if head.i in heads and not _is_sign(token):
            deepest[head.i] = max(deepest[head.i], depth)
    return float(np.mean(list(deepest.values())))
