"""Watches what a piece of work costs: its seconds, and the most memory that we held meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

SAMPLE_S = 0.01


@dataclass
class Cost:
    """`peak_bytes`: resident memory of this process, the server's not included."""

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def watch() -> Iterator[Cost]:
    """The cost of the block; known when it ends."""
    cost, done, process = Cost(), threading.Event(), psutil.Process()

    def sample() -> None:
        while True:
            cost.peak_bytes = max(cost.peak_bytes, process.memory_info().rss)
            if done.wait(SAMPLE_S):
                return

    sampler = threading.Thread(target=sample, name="watch", daemon=True)
    sampler.start()
    began = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - began
        done.set()
        sampler.join()
