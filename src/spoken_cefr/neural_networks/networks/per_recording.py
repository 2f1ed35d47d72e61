"""Networks that read a whole recording: its segments, pooled by attention.

Ilse, Tomczak and Welling (2018), "Attention-based Deep Multiple Instance
Learning", arXiv 1802.04712: a gated score says how much each segment counts;
the scores of a recording add up to 1, so its length is not among the inputs.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from spoken_cefr.neural_networks.networks.per_segment import Standardise

PROJECTED = 32  # units a kind of input: few, for there are few recordings
DROPOUT = 0.5


class AttentionNetwork(nn.Module):
    """Each kind of segment embedding is projected, pooled by attention, joined with measures.

    With one kind and no measures it is attention pooling over speech; with
    speech, text and measures it is the fusion that the study left as future work.

    Parameters
    ----------
    widths : tuple of int
        Features of each kind of segment embedding, in the order of the columns.
    n_measures : int
        Measures of the recording, joined after pooling; 0 for none.
    """

    def __init__(self, widths: tuple[int, ...], *, n_measures: int = 0, n_outputs: int) -> None:
        super().__init__()
        self.widths = tuple(widths)
        hidden = PROJECTED * len(widths)
        self.standardise = Standardise(sum(widths))
        self.project = nn.ModuleList(nn.Linear(width, PROJECTED) for width in widths)
        self.content = nn.Linear(hidden, PROJECTED)
        self.gate = nn.Linear(hidden, PROJECTED)
        self.score = nn.Linear(PROJECTED, 1)
        self.dropout = nn.Dropout(DROPOUT)
        self.n_measures = n_measures
        if n_measures:
            self.standardise_measures = Standardise(n_measures)
            self.project_measures = nn.Linear(n_measures, PROJECTED)
        self.output = nn.Linear(hidden + (PROJECTED if n_measures else 0), n_outputs)

    def fit_inputs(self, segments: Iterable[Tensor], measures: Tensor) -> None:
        """Take means and deviations from training rows.

        Segments come in batches (n, sum(widths)); measures (n_recordings, n_measures) are NaN
        where one is not defined.
        """
        self.standardise.fit(segments)
        if self.n_measures:
            self.standardise_measures.fit([measures])

    def forward(self, segments: Tensor, present: Tensor, measures: Tensor) -> Tensor:
        """Map recordings to outputs (n, n_outputs).

        Segments (n, n_segments, sum(widths)) are padded to the longest recording of the batch;
        ``present`` (n, n_segments) is False where a row is padding; measures (n, n_measures).
        """
        hidden = self._hidden(segments)
        weights = self._weights(hidden, present)
        pooled = (weights.unsqueeze(2) * hidden).sum(dim=1)
        if self.n_measures:
            told = self.project_measures(self.dropout(self.standardise_measures(measures)))
            pooled = torch.cat([pooled, torch.relu(told)], dim=1)
        return self.output(self.dropout(pooled))

    def attention(self, segments: Tensor, present: Tensor) -> Tensor:
        """Weight of each segment in its recording, shape (n, n_segments); rows add up to 1."""
        return self._weights(self._hidden(segments), present)

    def _hidden(self, segments: Tensor) -> Tensor:
        kinds = self.standardise(segments).split(self.widths, dim=2)
        projected = [layer(kind) for layer, kind in zip(self.project, kinds, strict=True)]
        return self.dropout(torch.relu(torch.cat(projected, dim=2)))

    def _weights(self, hidden: Tensor, present: Tensor) -> Tensor:
        gated = torch.tanh(self.content(hidden)) * torch.sigmoid(self.gate(hidden))
        scores = self.score(gated).squeeze(2).masked_fill(~present, -torch.inf)
        return torch.softmax(scores, dim=1)
