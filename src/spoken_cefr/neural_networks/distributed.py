"""Several processes that train one network together; alone, everything here does nothing.

``torchrun`` starts the processes and says by environment variables who is who.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

# Torch's own limit is some minutes, and the first process may embed for hours while the others
# wait. One that dies is no matter of this: torchrun sees it and ends the rest.
LONGEST_WAIT = timedelta(days=1)


def rank() -> int:
    """Number of this process, 0 alone."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def n_ranks() -> int:
    """How many processes train together, 1 alone."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that ``torchrun`` started: NCCL between GPUs, else gloo."""
    if "RANK" not in os.environ:
        yield
        return
    gpus = torch.cuda.is_available()
    if gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpus else "gloo", timeout=LONGEST_WAIT)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def leave(status: int) -> NoReturn:
    """End the program; under ``torchrun`` without taking the interpreter apart first.

    Gloo's threads stay after `process_group` where a network was trained (torch 2.13), and
    now and then one of them aborts a process that has finished while the interpreter ends.
    """
    if "RANK" not in os.environ:
        sys.exit(status)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@contextmanager
def main_first() -> Iterator[None]:
    """Let process 0 do the block before the others, which then find its files.

    If the block fails in process 0, the others still get their turn, and fail likewise.
    """
    if rank() != 0:
        distributed.barrier()
    try:
        yield
    finally:
        if rank() == 0 and n_ranks() > 1:
            distributed.barrier()


def as_main_says(value: Any) -> Any:
    """The value that process 0 has, so that all decide alike."""
    if n_ranks() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def summed(tensor: Tensor) -> Tensor:
    """The sum over the processes."""
    if n_ranks() > 1:
        tensor = tensor.clone()
        distributed.all_reduce(tensor)
    return tensor


def together(model: nn.Module) -> nn.Module:
    """The network whose gradients are averaged over the processes."""
    if n_ranks() == 1:
        return model
    return DistributedDataParallel(model)


def alone(model: nn.Module) -> nn.Module:
    """The network itself, without what `together` put around it."""
    return model.module if isinstance(model, DistributedDataParallel) else model
