"""What networks read, in figures: images, embeddings in two dimensions, measures by level."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.figures.parts import MARKERS
from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style
from spoken_cefr.measures.table import Measure

GREY = "#BBBBBB"
MOST_POINTS = 1000  # drawn of a cloud; more hide each other and make the notebook heavy


def project(embeddings: np.ndarray, *, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two principal components of embeddings, from ``first`` on, and their shares of the variance.

    (n, n_features) -> points (n, 2) and shares (2,); ``first`` counts from 0.
    """
    pca = PCA(n_components=first + 2, random_state=0)
    points = pca.fit_transform(np.asarray(embeddings, dtype=np.float64))
    return points[:, first:], pca.explained_variance_ratio_[first:]


@in_style
def draw_images(images: Mapping[str, np.ndarray]) -> Drawing:
    """Segments as the CNN reads them, a row for each title.

    Parameters
    ----------
    images : mapping of str to np.ndarray, shape (n, size, size)
        In 0..1, as `spoken_cefr.processing.audio.to_image` makes them.
    """
    n = len(next(iter(images.values())))
    figure = Drawing(width_in=1.9 * n, height_in=2.0 * len(images) + 0.2)
    grid = figure.subplots(len(images), n, squeeze=False, sharex=True, sharey=True)
    for row, (title, rows) in zip(grid, images.items(), strict=True):
        for ax, image in zip(row, rows, strict=True):
            ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        row[0].set_ylabel(f"{title}\nmel band (pixel)")
    for ax in grid[-1]:
        ax.set_xlabel("time (pixel)")
    return figure


@in_style
def draw_projection(
    embeddings: np.ndarray,
    labels: Mapping[str, Sequence[str]],
    *,
    levels: Sequence[str] = TARGET_LEVELS,
) -> Drawing:
    """Embeddings on their two strongest principal components, once for each labelling.

    Parameters
    ----------
    embeddings : np.ndarray, shape (n, n_features)
    labels : mapping of str to sequence of str
        By title, such as ``{"level": ..., "speaker": ...}``, one label a row.
        Levels are drawn in their order; of other labels the seven most frequent
        have a colour and a marker each, the rest is grey. Of many rows,
        `MOST_POINTS` are drawn, chosen by chance.
    """
    points, shares = project(embeddings)
    drawn = _some(len(points))
    points = points[drawn]
    figure = Drawing(width_in=4.4 * len(labels), height_in=4.6)
    panels = figure.subfigures(1, len(labels), squeeze=False)[0]
    size = float(np.clip(16_000 / len(points), 8, 30))
    for panel, (title, values) in zip(panels, labels.items(), strict=True):
        ax = panel.subplots()
        column = pd.Series(list(values), dtype=str)[drawn]
        named = column.isin(_named(column, levels))
        for label, color, marker in _looks(column, levels):
            chosen = (column == label) if label else ~named
            name = label or "others"
            ax.scatter(*points[chosen].T, s=size, color=color, marker=marker, label=name, lw=0,
                       alpha=0.7)  # fmt: skip
        ax.set(
            title=f"by {title}", xlabel=_component(1, shares[0]), ylabel=_component(2, shares[1])
        )
        # Three rows in each panel, so that the panels are of one size.
        few = len(ax.collections) <= 6
        panel.legend(loc="outside lower center", ncols=2 if few else 3, fontsize=8, markerscale=1.8)
    return figure


@in_style
def draw_places(
    embeddings: Mapping[str, np.ndarray], place_s: np.ndarray, *, window_s: float = 30.0
) -> Drawing:
    """The first four principal components, coloured by the place in the encoder's window.

    Parameters
    ----------
    embeddings : mapping of str to np.ndarray, shape (n, n_features)
        By title, such as before and after the place is taken out.
    place_s : np.ndarray, shape (n,)
        Seconds from the start of the window. Of many, `MOST_POINTS` are drawn.
    """
    figure = Drawing(width_in=4.2 * len(embeddings), height_in=6.6)
    grid = figure.subplots(2, len(embeddings), squeeze=False)
    for column, (title, rows) in zip(grid.T, embeddings.items(), strict=True):
        for ax, first in zip(column, (0, 2), strict=True):
            points, shares = project(rows, first=first)
            drawn = _some(len(points))
            dots = ax.scatter(
                *points[drawn].T, c=place_s[drawn], cmap="cividis", s=8, vmin=0, vmax=window_s
            )
            ax.set(xlabel=_component(first + 1, shares[0]), ylabel=_component(first + 2, shares[1]))
        column[0].set_title(title)
    figure.colorbar(dots, ax=grid, label="place in the window (s)")
    return figure


@in_style
def draw_measures(
    measures: pd.DataFrame,
    recording_levels: pd.Series,
    labels: Mapping[str, str],
    *,
    levels: Sequence[str] = TARGET_LEVELS,
) -> Drawing:
    """Each measure by level: a point a recording, and a line at the level's median.

    Parameters
    ----------
    measures : pd.DataFrame
        recording_id and one column a measure; NaN where a measure is undefined.
    recording_levels : pd.Series
        Level of each recording_id (the index).
    labels : mapping of str to str
        Column to a title and, on the last line, the unit; only these are drawn.
    """
    if not labels:  # of a language that these cannot be given
        figure = Drawing(width_in=4.4, height_in=0.6)
        figure.suptitle("none of these in this language: see report.json", fontsize=9)
        return figure
    rows = measures.set_index("recording_id")
    level = rows.index.map(recording_levels)
    n_columns = min(4, len(labels))
    n_rows = -(-len(labels) // n_columns)
    figure = Drawing(width_in=2.2 * n_columns, height_in=2.25 * n_rows + 0.3)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).flat
    rng = np.random.default_rng(0)
    for ax, (name, label) in zip(axes, labels.items(), strict=False):
        for position, one in enumerate(levels):
            values = rows.loc[level == one, name].dropna()
            spread = rng.uniform(-0.25, 0.25, size=len(values))
            ax.plot(position + spread, values, ".", color=OKABE_ITO[0], ms=5, alpha=0.6)
            if len(values):
                ax.hlines(values.median(), position - 0.35, position + 0.35, color=OKABE_ITO[5])
        title, _, unit = label.rpartition("\n")
        ax.set_title(title, fontsize=8)
        ax.set_ylabel(unit, fontsize=8)
        ax.set_xticks(np.arange(len(levels)), levels, fontsize=8)
        ax.set_xlabel("CEFR level", fontsize=8)
    for ax in list(figure.axes)[len(labels) :]:
        ax.set_axis_off()
    figure.suptitle("a point is a recording, a line the median of its level", fontsize=9)
    return figure


def measure_labels(measures: Sequence[Measure], kind: str) -> dict[str, str]:
    """Of each measure of a kind its name, what it says, and on the last line its unit."""
    chosen = [measure for measure in measures if measure.kind == kind]
    # A share is described by what it is a share of.
    told = [f"{'share ' * (m.unit == 'share')}{m.description}" for m in chosen]
    return {
        m.name: "\n".join([m.name, *wrap(text, 25), m.unit])
        for m, text in zip(chosen, told, strict=True)
    }


def _some(n: int) -> np.ndarray:
    """Numbers of the rows that are drawn, in order."""
    return np.sort(np.random.default_rng(0).permutation(n)[:MOST_POINTS])


def _component(number: int, share: float) -> str:
    return f"component {number} ({share:.0%} of the variance)"


def _named(column: pd.Series, levels: Sequence[str]) -> list[str]:
    """Labels that have a colour of their own."""
    if set(column) <= set(levels):
        return [level for level in levels if level in set(column)]
    return column.value_counts().index[: len(MARKERS)].tolist()


def _looks(column: pd.Series, levels: Sequence[str]) -> list[tuple[str, str, str]]:
    """Label, colour and marker; the label "" stands for all others and comes first."""
    named = _named(column, levels)
    looks = list(zip(named, OKABE_ITO, MARKERS, strict=False))
    return looks if column.isin(named).all() else [("", GREY, "."), *looks]
