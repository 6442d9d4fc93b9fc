"""Batches of a data set that worker processes make ahead of use."""

import signal

import cv2
from torch.utils.data import DataLoader, Dataset


def batches_ahead(batches: Dataset, first: int, end: int, workers: int) -> DataLoader:
    """Batches number `first` to `end` - 1, in their order. workers: processes; 0: each is made when it is needed."""
    ahead = {"prefetch_factor": 4, "multiprocessing_context": "spawn"} if workers else {}
    return DataLoader(
        batches, batch_size=None, sampler=range(first, end), num_workers=workers, worker_init_fn=_start_worker, **ahead
    )


def _start_worker(_) -> None:
    """In a worker, which has one thread of torch: leave the cores to the training, and Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
