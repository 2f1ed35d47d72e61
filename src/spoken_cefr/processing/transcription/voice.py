"""Where somebody speaks in a recording, and the words' times held against it.

By Silero's voice detector, which faster-whisper carries. It looks at frames of 32 ms, and
what follows from it are borders of frames: the last digits of its probabilities, which may
differ between processors, move nothing unless one of them lies at a threshold
(`tests/test_processing_voice.py` holds the demo's recordings against that).
"""

from collections.abc import Sequence

import numpy as np

from spoken_cefr.processing.decoding import SAMPLE_RATE
from spoken_cefr.processing.transcription.words import MIN_WORD_S, Word

Stretch = tuple[float, float]  # start and end in seconds

MIN_VOICE_S = 0.1
MIN_SILENCE_S = 0.1  # below the shortest pause that is counted
TURN_S = 2.0  # a voice that is silent for less still has the word
EDGE_S = 0.3  # is heard before the first voice and after the last
BREATH_S = 0.25  # a shorter silence is that of a stop consonant, and inside a word or two
REACH_S = 0.5  # of voice beside a word are the word's; more is a word that was not heard
MIN_SOUND_S = 3.0  # of music or noise at an edge that is told
UNHEARD_S = 3.0  # so much detected speech without a word is told of
LOUD = 0.1  # of the voice's amplitude: so loud is what is told


def find_voice(signal: np.ndarray) -> list[Stretch]:
    """Stretches in which somebody speaks, in order; every silence of 0.1 s parts two of them.

    Whisper invents a sentence on noise or silence with high confidence.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        min_speech_duration_ms=int(1000 * MIN_VOICE_S),
        min_silence_duration_ms=int(1000 * MIN_SILENCE_S),
        speech_pad_ms=0,
    )
    found = get_speech_timestamps(signal, options)
    return [(part["start"] / SAMPLE_RATE, part["end"] / SAMPLE_RATE) for part in found]


def joined(stretches: Sequence[Stretch], *, gap_s: float) -> list[Stretch]:
    """The same stretches, those that are less than ``gap_s`` apart made one."""
    found: list[Stretch] = []
    for start_s, end_s in stretches:
        if found and start_s - found[-1][1] < gap_s:
            start_s = found.pop()[0]
        found.append((start_s, end_s))
    return found


def heard_span(voice_s: Sequence[Stretch], duration_s: float) -> Stretch:
    """From shortly before the first voice to shortly after the last.

    Whisper hears that much: what stands at the edges would move its windows of 30 s, and
    with them words and times.
    """
    return max(0.0, voice_s[0][0] - EDGE_S), min(duration_s, voice_s[-1][1] + EDGE_S)


def cut_to_voice(words: Sequence[Word], voice_s: Sequence[Stretch]) -> list[Word]:
    """Words that last while somebody speaks, and a silence where nobody does.

    Whisper stretches words over silence and music, and lets others end too early. A word
    belongs to the turn in which most of it lies, and does not leave it; the words of a turn
    fill it, but for more than `REACH_S` without one. A word in which no voice was found
    keeps its times.
    """
    turns = np.array(joined(voice_s, gap_s=BREATH_S)).reshape(-1, 2)
    cut: list[Word] = []
    turn_of: list[int] = []
    for word in words:
        overlaps_s = np.minimum(turns[:, 1], word.end_s) - np.maximum(turns[:, 0], word.start_s)
        turn = int(np.argmax(overlaps_s)) if len(turns) else -1
        if turn < 0 or overlaps_s[turn] < MIN_WORD_S:
            turn = -1
        else:
            start_s, end_s = turns[turn].tolist()
            start_s, end_s = max(word.start_s, start_s), min(word.end_s, end_s)
            word = word._replace(start_s=start_s, end_s=end_s)
        cut.append(word)
        turn_of.append(turn)
    for i, (word, turn) in enumerate(zip(cut, turn_of, strict=True)):
        if turn < 0:
            continue
        start_s, end_s = turns[turn].tolist()
        first = turn not in turn_of[:i]
        follows = next((k for k in range(i + 1, len(cut)) if turn_of[k] == turn), None)
        end_s = end_s if follows is None else cut[follows].start_s
        if first and word.start_s - start_s < REACH_S:
            word = word._replace(start_s=start_s)
        if word.end_s < end_s < word.end_s + REACH_S:
            word = word._replace(end_s=end_s)
        cut[i] = word
    return cut


def unheard(speech_s: Sequence[Stretch], words: Sequence[Word]) -> list[Stretch]:
    """Stretches of speech (s) of `UNHEARD_S` or more that hold no word; the words are in order.

    The engines leave out windows that their guards distrust, and say nothing.
    """
    free = []
    for start_s, end_s in speech_s:
        inside = [word for word in words if word.end_s > start_s and word.start_s < end_s]
        starts_s = [start_s, *(word.end_s for word in inside)]
        ends_s = [*(word.start_s for word in inside), end_s]
        free += [pair for pair in zip(starts_s, ends_s, strict=True)]
    return [(start_s, end_s) for start_s, end_s in free if end_s - start_s >= UNHEARD_S]


def edge_sounds(signal: np.ndarray, voice_s: Sequence[Stretch]) -> list[str]:
    """What is heard for long before the first voice or after the last: a jingle, noise."""
    duration_s = len(signal) / SAMPLE_RATE
    voice = np.concatenate([_cut(signal, *stretch) for stretch in voice_s])
    start_s, end_s = heard_span(voice_s, duration_s)
    return [
        f"{low_s:.1f}-{high_s:.1f} s is sound without a voice, such as music: left out"
        for low_s, high_s in ((0.0, start_s), (end_s, duration_s))
        if high_s - low_s >= MIN_SOUND_S
        and _amplitude(_cut(signal, low_s, high_s)) > LOUD * _amplitude(voice)
    ]


def _cut(signal: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    return signal[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


def _amplitude(signal: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
