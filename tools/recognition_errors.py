"""A text as a recogniser might write it: words heard as others, left out, put in.

What is put in the place of a word sounds like it: a word of the frequency list with the same
rough pronunciation, or, as Whisper does where it knows none, a spelling that is no word. How sure
the recogniser is follows what Whisper (base, int8) says of the right and the wrong words of the
demo's recordings, whose texts are known: the quantiles of its probabilities below.
"""

import re
from collections import defaultdict
from functools import cache

import numpy as np
from wordfreq import top_n_list

from spoken_cefr.processing.transcription.words import Word

AT = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
RIGHT = [0, 0.387, 0.491, 0.641, 0.773, 0.89, 0.94, 0.965, 0.979, 0.987, 0.992, 0.995, 0.998, 1]
WRONG = [
    0.018,
    0.154,
    0.203,
    0.287,
    0.36,
    0.472,
    0.547,
    0.601,
    0.667,
    0.726,
    0.798,
    0.85,
    0.926,
    0.994,
]
KINDS = {"heard as another": 0.6, "no word": 0.15, "left out": 0.15, "put in": 0.1}
SHORT = ("et", "à", "de", "les", "un", "est", "en", "on")
SOUNDS = (
    (r"[’']", ""),
    (r"(eau|au|ô)", "o"),
    (r"(er|ez|ée|és|et|ai|ait|aient|ê|è|é)\b", "e"),
    (r"(ai|ei|ê|è|é)", "e"),
    (r"ph", "f"),
    (r"(qu|k|c(?![eiyh]))", "k"),
    (r"(ss|ç|c(?=[eiy]))", "s"),
    (r"(an|en|am|em)", "a"),
    (r"(in|im|ain|ein|un)", "i"),
    (r"(on|om)", "o"),
    (r"(.)\1", r"\1"),
    (r"(ent|es|e|s|t|d|x|p|z)+\b", ""),
    (r"h", ""),
)


def sound_of(word):
    """A rough pronunciation: words of the same one are easily taken for each other."""
    for pattern, sound in SOUNDS:
        word = re.sub(pattern, sound, word)
    return word


@cache
def homophones():
    found = defaultdict(list)
    for word in top_n_list("fr", 40_000):
        if word.isalpha() and len(word) > 1:
            found[sound_of(word)].append(word)
    return found


def with_errors(text, share, rng):
    """Words of a text, so many of them (0..1) wrong: what is written, how sure, in order."""
    words = []
    for written in text.split():
        kind = rng.choice(list(KINDS), p=list(KINDS.values())) if rng.random() < share else None
        core = written.strip('.,;:!?«»…"')
        if kind == "left out" or (kind and not core):
            continue
        if kind == "put in":
            words.append((str(rng.choice(SHORT)), sure(WRONG, rng)))
        elif kind:
            heard = other_word(core.lower(), rng) if kind == "heard as another" else no_word(core)
            words.append((written.replace(core, heard), sure(WRONG, rng)))
            continue
        words.append((written, sure(RIGHT, rng)))
    text = " ".join(word for word, _ in words)
    timed = [
        Word(word, 0.4 * i, 0.4 * i + 0.4, p)
        for i, (word, p) in enumerate(words)
        if any(map(str.isalnum, word))
    ]
    return text, timed


def other_word(word, rng):
    """A word of the same sound, or else of that of its first part."""
    sound = sound_of(word)
    while sound:
        alike = [other for other in homophones().get(sound, ()) if other != word]
        if alike:
            return str(rng.choice(alike[:8]))
        sound = sound[:-1]
    return no_word(word)


def no_word(word):
    """A spelling that is no word, such as ``pock`` or ``l'améry`` were."""
    return word[: max(1, len(word) // 2)] + "ouzy"


def sure(quantiles, rng):
    return float(np.interp(rng.random(), AT, quantiles))
