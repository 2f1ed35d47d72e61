"""Windows of several recordings decoded together by one CTranslate2 model.

faster-whisper batches within one file; the recordings here are one to three
windows of 30 s long. Here each recording keeps faster-whisper's own
loop, with its guards, in a thread of its own, and only the calls of the model
meet: `JoinedModel` waits until every thread wants to decode and decodes their
windows as one batch. The loop's decisions, and so the text, are those of a
recording on its own.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple

import ctranslate2
import numpy as np


class _Call(NamedTuple):
    encoded: np.ndarray  # (n_windows, n_frames, n_state)
    prompts: list[list[int]]
    options: dict[str, Any]
    result: Future


class JoinedModel:
    """Stands in for a `ctranslate2.models.Whisper` in several threads.

    Only `generate` is joined: eight windows at once took 0.5 (float32) to 0.67 (int8) of the
    time of one after the other, because each step reads the decoder's weights once. The encoder
    and the alignment gained nothing. Of ``n_items`` recordings ``most`` are at work at a time, and
    `leave` must be called for each when it is done, or will never be begun.
    """

    def __init__(self, model: ctranslate2.models.Whisper, *, n_items: int, most: int) -> None:
        self._model = model
        self._n_left, self._most = n_items, most
        self._waiting: list[_Call] = []
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(
        self, encoded: ctranslate2.StorageView, prompts: list[list[int]], **options: Any
    ) -> list[ctranslate2.models.WhisperGenerationResult]:
        """As the model's own; returns when the windows of all that are at work are decoded."""
        call = _Call(np.array(encoded), prompts, options, Future())
        with self._lock:
            self._waiting.append(call)
            batch = self._take_full_batch()
        self._decode(batch)
        return call.result.result()

    def leave(self) -> None:
        """Wait for one recording less."""
        with self._lock:
            self._n_left -= 1
            batch = self._take_full_batch()
        self._decode(batch)

    def _take_full_batch(self) -> list[_Call]:
        """Everything that waits, once nobody is missing; the lock must be held."""
        if len(self._waiting) < min(self._n_left, self._most):
            return []
        batch, self._waiting = self._waiting, []
        return batch

    def _decode(self, batch: list[_Call]) -> None:
        if not batch:
            return
        try:
            encoded = np.concatenate([call.encoded for call in batch])
            prompts = [prompt for call in batch for prompt in call.prompts]
            options = batch[0].options
            if any(call.options != options for call in batch):
                raise ValueError("recordings that are decoded together need the same options")
            view = ctranslate2.StorageView.from_array(encoded)
            results = iter(self._model.generate(view, prompts, **options))
            for call in batch:
                call.result.set_result([next(results) for _ in call.prompts])
        except Exception as error:  # each waiting thread must wake up and see it
            for call in batch:
                if not call.result.done():
                    call.result.set_exception(error)


def map_joined(
    function: Callable[[JoinedModel, Any], Any],
    items: Sequence[Any],
    *,
    model: ctranslate2.models.Whisper,
    size: int,
) -> Iterator[tuple[int, Any]]:
    """``function(joined, item)`` of every item, ``size`` of them at a time in threads.

    Index and result come as each item is done; the first exception is raised again. As one item
    is done the next is taken, so that batches stay full.
    """
    joined = JoinedModel(model, n_items=len(items), most=size)

    def one(item: Any) -> Any:
        try:
            return function(joined, item)
        finally:
            joined.leave()

    with ThreadPoolExecutor(size) as pool:
        index_of = {pool.submit(one, item): index for index, item in enumerate(items)}
        try:
            for future in as_completed(index_of):
                yield index_of[future], future.result()
        finally:  # a reader who stops early wants no more
            for future in index_of:
                if future.cancel():
                    joined.leave()
