"""The starter's model card, from the scores of the run that trained it."""

from collections.abc import Sequence
from typing import Any

from sureness import MAX_RISK

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.neural_networks.embeddings.decoder import LAYERS
from spoken_cefr.prediction.starter import (
    B1_S,
    LONGER_A_LEVEL,
    LONGEST_S,
    MEASURE_NAMES,
    NATURAL_RATE,
    SLOW_RATE,
    SPEED_WEIGHT,
)
from spoken_cefr.prediction.verdict import INTERVAL, MAX_LEVELS, Calibration


def write_readme(
    n_sentences: int,
    n_texts: int,
    scores: dict[str, Any],
    found: Calibration,
    *,
    starter: str,
    voice_error: float,
) -> str:
    """The model card, every number from this run."""
    rows = [
        f"| {name} | {of_labels(row['passages'])} | {of_labels(row['sentences'])} "
        f"| {interval(row['judged'])} | {interval(row['near_to_speech'])} "
        f"| {interval(row['own_texts'])} | {row['moved_by_errors']} |"
        for name, row in scores["recipes"].items()
    ] + [
        f"| {name} | | {of_labels(row['sentences'])} | | {interval(row['near_to_speech'])} | | |"
        for name, row in (scores["encoder"] or {}).items()
    ]
    ours = scores["recipes"][starter]
    domains = [
        f"| {name} | {row['n']} | {row['spearman']} | {row['kappa']} | {row['bias']:+} |"
        for name, row in scores["domains"].items()
    ]
    sure = scores["sure"]
    bins = [
        f"| {name} | {n} | {p:.0%} | {right:.0%} |" for name, (n, p, right) in sure["bins"].items()
    ]
    curve = [f"| {share:.0%} | {risk:.1%} | {least:.0%} |" for share, risk, least in sure["curve"]]
    levels = zip(TARGET_LEVELS, sure["covered_by_level"], strict=True)
    return CARD.format(
        n_sentences=n_sentences,
        n_texts=n_texts,
        n_measures=len(MEASURE_NAMES),
        n_layers=LAYERS,
        rows="\n".join(rows),
        domains="\n".join(domains),
        bins="\n".join(bins),
        curve="\n".join(curve),
        n_passages=ours["passages"]["n"],
        n_single=ours["sentences"]["n"],
        majority=ours["passages"]["majority"],
        error=ours["passages"]["mean_absolute_error"],
        natural=f"{NATURAL_RATE:.1f}",
        slow=f"{SLOW_RATE:.1f}",
        weight=f"{SPEED_WEIGHT:.1%}",
        b1_s=f"{B1_S:.0f}",
        longer=f"{LONGER_A_LEVEL - 1:.0%}",
        longest_s=f"{LONGEST_S:.0f}",
        interval=f"{INTERVAL:.0%}",
        max_risk=f"{MAX_RISK:.0%}",
        least=f"{found.least:.0%}",
        share=f"{found.share:.0%}",
        max_levels=MAX_LEVELS,
        voice_error=voice_error,
        n_heard=sure["n"],
        width=sure["width"],
        by_level=", ".join(f"{level} {share:.0%}" for level, share in levels),
        folds=" to ".join(f"{share:.0%}" for share in sure["covered_by_fold"]),
        **scores["certainty"],
        **{name: f"{sure[name]:.0%}" for name in ("covered", "answered", "wrong_of_answered")},
        of_others="the others are too few to tell"
        if sure["wrong_of_others"] is None
        else f"of the others {sure['wrong_of_others']:.0%}",
    )


def of_labels(row: dict[str, Any]) -> str:
    """``0.683 / 0.896 [0.876, 0.912]``: accuracy, kappa and its interval."""
    low, high = row["kappa_interval"]
    return f"{row['accuracy']} / {row['quadratic_weighted_kappa']} [{low}, {high}]"


def interval(values: Sequence[float]) -> str:
    """``0.50 [0.41, 0.58]``."""
    return f"{values[0]:.2f} [{values[1]:.2f}, {values[2]:.2f}]"


CARD = """# Starter model: the level of a French recording, by its words, its speed and its length

**Not yet trained on spoken recordings.** It reads the transcript, and takes speed and length of
speech by rules of thumb. Train on a real corpus as soon as you have one: the model of that corpus
takes its place.

- **Words**: a text gets a place on the scale A1 to C1 by ordinal logistic regression
  (cumulative logit) on {n_measures} measures of lexis and syntax, the mean of spaCy's French
  word vectors, and the mean state of the packaged Whisper's decoder, layer {n_layers}, which reads
  the words and hears nothing. A transcript is cut in windows of about 50 words; the result is
  their mean, so that the words are not harder for being many.
- **Speed** (syllables a second, pauses included): {slow} is usual of A2, {natural} of B2, and a
  line between and beyond. These are published rates of registers (lectures to listeners who are
  not native: Tauroza & Allison, 1990; French interviews: Grosjean & Deschamps, 1975), put
  beside what the CEFR says of each level ("slow and clear", "normal speed"). Nobody has
  measured them level by level: it is a prior.
- **Length** (from the first word to the last): {b1_s} s is usual of B1, {longer} more of each level
  above, by maximum likelihood over the duration classes of 1 001 human recordings of the real
  catalogue, whose levels their makers gave; the longest class says no more beyond {longest_s} s.
  The CEFR too speaks of "very short" and of "extended" speech. An excerpt counts as short: the row
  "length of speech" says by how much.
- **Words and speed count for {weight} each** of the place, length for the rest: other makers'
  recordings of a level are longer, or shorter, than this site's. Where they disagree the answer
  is less sure.
- **Trained on**: {n_sentences} written sentences, labelled A1 to C2 by people for a university
  course's competition; C2 counts as C1, which therefore means "C1 or above". They make
  {n_texts} texts: single sentences, passages of one level, and copies without case and
  punctuation, with numbers in words and with the errors of a recogniser. This folder holds no
  sentence of them.
- **Made by**: `tools/train_starter.py`; every number here comes from that run.

## What each recipe brings

Accuracy / quadratic weighted kappa on {n_passages} passages and {n_single} sentences of the
first file that the model has not seen (5 folds; always the commonest level: accuracy
{majority}); rank correlation with 1 668 sentences rated by other people (ReadMe++, French), with
those of them that are near to speech (captions, dialogue, speeches, statements), and with 85
texts in the manner of listening tests written for this project; and by how many levels 20 % of
misheard words move the latter. In brackets 95 % intervals over texts.

| learned from | passages | sentences | ReadMe++ | near to speech | own texts | moved by errors |
|---|---|---|---|---|---|---|
{rows}

The third row is the starter; its mean error on passages is {error} levels. A model of single
sentences that knows how long they are is better with them and with all that is as short, and
far worse with passages, for their length tells it too much: it is no part, nor is its mean with
the starter. Frequencies in films change nothing. multilingual-e5-small helps (4 bits a weight,
72 MB, a package for Linux on x86-64; asked of some sentences only, for it is slow) and is no
part, so that the starter runs everywhere. With words that Whisper is unsure of left out,
20 % of errors that sound like the words move the own texts by {sure_words} levels, with all words
by {all_words}. Speed and length have no part in this table, for nothing here
was spoken.

## By domain (ReadMe++; it taught the model nothing)

| domain | n | rank correlation | kappa | too high by (levels) |
|---|---|---|---|---|
{domains}

ReadMe++ rates how well a reader understands, the competition who wrote for whom: the scales
differ by about a level, the order less.

## Sure means sure, on unseen passages

| probability given | passages | mean | right |
|---|---|---|---|
{bins}

### The span called likely, and when no level is given

Measured on {n_heard} unseen passages with 5 to 30 % of their words misheard. Nobody spoke them:
each was given a speed and a length drawn around those of its level, {voice_error} levels off (one
standard deviation): were there as many of each level, speeds would rank them as on human
recordings (0.75), and lengths err as much in the real catalogue. The three opinions were pooled.

- **Span**: neighbouring levels, the most probable first, until they hold {share} of the
  probability, and any that is as probable as one of them (adaptive prediction sets; split
  conformal, large enough for each level by itself). Made to hold at least {interval} of the texts
  of every level. In folds that it was not made on it holds {covered} ({folds} by fold;
  {by_level}), and is {width} levels wide on average.
- **No level** is given where its probability is below {least}: the most answers of which, each
  level weighing the same, at most {max_risk} name another level; nor where the span has more than
  {max_levels} levels. In folds that this was not chosen on it answers {answered}; of these
  {wrong_of_answered} are wrong; {of_others}.

| answered | wrong | from which probability on |
|---|---|---|
{curve}

These rates are of such passages. Recordings differ from them (speakers, noise, what is talked
about, real speeds): nothing guarantees the rates there; expect lower ones until a corpus of
recordings is calibrated on.

## Limits

- Written sentences, of news, novels and exercises at the upper levels: talk that is hard by its
  accents, its overlaps or by what it takes for known is rated too low.
- Errors of the recogniser look like rare words, in part.
- Under about 30 words the result says little.
- The level is that of an audience for the recording, never the proficiency of whoever speaks."""
