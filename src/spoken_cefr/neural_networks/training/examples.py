"""Training examples: segments (`Rows`) or whole recordings (`Bags`), whole or cropped.

A crop is the same number of consecutive segments from every recording, so that
how many there are tells nothing of a recording's length. In training its place is
drawn anew each epoch; elsewhere it is the middle one. A recording shorter than the
crop is played in a loop, which can be told. So can, faintly, the length itself from
speech embeddings with ``speech_context="window"``: they are made of the whole
recording, cut to equal windows, and how long those are depends on the duration
(`embeddings.windows`). Spectrograms, words and measures of a crop know nothing of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

# Rows a read when an array is moved to the device, and a pass without gradients: bounds memory.
CHUNK = 512
# On a CPU, larger arrays stay in their memory-mapped file and are read batch by batch.
MOST_HELD_BYTES = 4 * 2**30

Batch = tuple[tuple[Tensor, ...], Tensor]


class Store:
    """Rows of an array, on the device when they fit, else streamed from where they are.

    ``source`` (n, ...) may be memory-mapped; ``chosen`` are the rows that belong here, by
    default all; ``transform`` is applied to the rows that are read, e.g. from a spectrogram to
    an image. No more than ``most_bytes`` are held on the device: by default half of a GPU's
    free memory, or ``MOST_HELD_BYTES``.
    """

    def __init__(
        self,
        source: np.ndarray,
        chosen: np.ndarray | None = None,
        *,
        device: torch.device,
        transform: Callable[[np.ndarray], np.ndarray] | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self.source, self.device, self.transform = source, device, transform
        self.chosen = np.arange(len(source)) if chosen is None else chosen
        self.row_shape = self._read(np.arange(1)).shape[1:]
        n_bytes = 4 * len(self) * int(np.prod(self.row_shape))
        self.held: Tensor | None = None
        if n_bytes <= (_room(device) if most_bytes is None else most_bytes):
            self.held = torch.cat([rows.to(device) for rows in self.in_chunks()])

    def __len__(self) -> int:
        return len(self.chosen)

    def in_chunks(self) -> Iterator[Tensor]:
        """All rows in order, some at a time, on the device if they are held there."""
        if self.held is not None:
            yield from self.held.split(CHUNK)
            return
        for first in range(0, len(self), CHUNK):
            yield self._read(np.arange(first, min(first + CHUNK, len(self))))

    def take(self, places: Tensor) -> Tensor:
        """Rows at these places (any shape), on the device: shape (*places.shape, ...)."""
        if self.held is not None:
            return self.held[places.to(self.device)]
        rows = self._read(places.reshape(-1).numpy())
        return rows.to(self.device, non_blocking=True).reshape(*places.shape, *self.row_shape)

    def _read(self, places: np.ndarray) -> Tensor:
        rows = np.asarray(self.source[self.chosen[places]], dtype=np.float32)
        return torch.from_numpy(self.transform(rows) if self.transform else rows)


class Examples(ABC):
    """What `Rows` and `Bags` share: codes, the order of an epoch, batches.

    A *pick* says which example, and which part of it: Rows use the row's
    number; Bags use two numbers, the recording's and where its crop starts.
    ``counts`` are the segments of each recording, ``crop`` how many are taken of it, 0: all.
    """

    def __init__(self, store: Store, codes: np.ndarray, counts: np.ndarray, *, crop: int) -> None:
        self.store, self.counts, self.crop = store, counts, crop
        self.codes = torch.as_tensor(codes)
        self._device_codes = self.codes.to(store.device)

    def __len__(self) -> int:
        return len(self.codes)

    def draw(self, generator: torch.Generator, chances: Tensor | None = None) -> Tensor:
        """Picks of one epoch in random order, shape (n,) or (n, 2).

        With chances (n,) they are drawn with replacement: each pick of `in_order` (or the one
        that another crop puts in its place) with its chance.
        """
        starts = random_starts(self.counts, self.crop, generator) if self.crop else None
        picks = self._picks(starts)
        if chances is None:
            return picks[torch.randperm(len(picks), generator=generator)]
        return picks[torch.multinomial(chances, len(picks), replacement=True, generator=generator)]

    def in_order(self) -> Tensor:
        """Picks that need no chance: every example once, crops in the middle."""
        return self._picks(middle_starts(self.counts, self.crop) if self.crop else None)

    @abstractmethod
    def _picks(self, starts: np.ndarray | None) -> Tensor:
        """Every example once, of crops that start there, (n_recordings,); None: uncropped."""

    def codes_in_order(self) -> Tensor:
        """Codes of `in_order`, shape (n,): of each class as many as every epoch draws from."""
        picks = self.in_order()
        return self.codes[picks.reshape(len(picks), -1)[:, 0]]

    @abstractmethod
    def batch(self, picks: Tensor) -> Batch:
        """Inputs of the network and codes, both on the device."""

    def batches(self, picks: Tensor, size: int) -> Iterator[Batch]:
        """Batches; the next is read while one is used, unless all is held."""
        # A last batch of one row would stop batch norm; so it joins the one before.
        chunks = list(picks.split(size))
        if len(chunks) > 1 and len(chunks[-1]) < 2:
            chunks[-2:] = [torch.cat(chunks[-2:])]
        if self.store.held is not None:
            yield from map(self.batch, chunks)
            return
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self.batch, chunks[0])
            for chunk in chunks[1:]:
                ready, coming = coming.result(), reader.submit(self.batch, chunk)
                yield ready
            yield coming.result()


class Rows(Examples):
    """Segments, each an example: the rows of one part, in the order of the segments.

    Codes are of shape (n,); ``counts`` (n_recordings,), by default of one recording, are in the
    order of the rows.
    """

    def __init__(
        self, store: Store, codes: np.ndarray, counts: np.ndarray | None = None, *, crop: int = 0
    ) -> None:
        counts = np.array([len(codes)]) if counts is None else counts
        super().__init__(store, codes, counts, crop=crop)

    def batch(self, picks: Tensor) -> Batch:
        return (self.store.take(picks),), self._device_codes[picks.to(self.store.device)]

    def _picks(self, starts: np.ndarray | None) -> Tensor:
        if starts is None:
            return torch.arange(len(self))
        firsts = np.cumsum(self.counts) - self.counts
        return torch.from_numpy(crop_places(firsts, self.counts, starts, self.crop).reshape(-1))


class Bags(Examples):
    """Recordings, each an example: its segments, padded in a batch, and its measures.

    The store holds segments of all recordings, rows of shape (n_features,). Of each recording
    of this part, (n_recordings,), ``firsts`` and ``counts`` tell where its segments begin and
    how many there are; measures (n_recordings, n_measures), codes (n_recordings,).
    """

    def __init__(
        self,
        store: Store,
        firsts: np.ndarray,
        counts: np.ndarray,
        measures: np.ndarray,
        codes: np.ndarray,
        *,
        crop: int = 0,
    ) -> None:
        super().__init__(store, codes, counts, crop=crop)
        self.firsts = firsts
        self.measures = torch.as_tensor(measures, dtype=torch.float32).to(store.device)

    def batch(self, picks: Tensor) -> Batch:
        bags, starts = picks.numpy().T
        firsts, counts = self.firsts[bags], self.counts[bags]
        taken = np.full_like(counts, self.crop) if self.crop else counts
        places = crop_places(firsts, counts, starts, int(taken.max()))
        present = np.arange(places.shape[1]) < taken[:, None]
        on_device = torch.from_numpy(bags).to(self.store.device)
        inputs = (
            self.store.take(torch.from_numpy(places)),
            torch.from_numpy(present).to(self.store.device),
            self.measures[on_device],
        )
        return inputs, self._device_codes[on_device]

    def _picks(self, starts: np.ndarray | None) -> Tensor:
        starts = np.zeros(len(self), dtype=np.int64) if starts is None else starts
        return torch.stack([torch.arange(len(self)), torch.from_numpy(starts)], dim=1)


def random_starts(counts: np.ndarray, crop: int, generator: torch.Generator) -> np.ndarray:
    """Where each recording's crop starts, drawn evenly; 0 for one that is no longer than it."""
    room = np.maximum(counts - crop, 0) + 1
    drawn = torch.rand(len(counts), generator=generator, dtype=torch.float64).numpy()
    return np.minimum((drawn * room).astype(np.int64), room - 1)


def middle_starts(counts: np.ndarray, crop: int) -> np.ndarray:
    """Where the middle crop of each recording starts."""
    return np.maximum(counts - crop, 0) // 2


def crop_places(
    firsts: np.ndarray, counts: np.ndarray, starts: np.ndarray, crop: int
) -> np.ndarray:
    """Rows of each recording's crop, shape (n_recordings, crop); a short recording is looped."""
    steps = starts[:, None] + np.arange(crop)
    return firsts[:, None] + steps % counts[:, None]


def n_segments_in(crop_s: float, *, segment_s: float, overlap: float) -> int:
    """How many segments begin and end within a crop of this length in seconds; at least 1."""
    hop_s = segment_s * (1 - overlap)
    return max(1, int((crop_s - segment_s) / hop_s + 1e-6) + 1)


def _room(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 2
    return MOST_HELD_BYTES
