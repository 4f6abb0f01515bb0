"""How many contacts a worker claims at a time: as many as it sends in a few seconds."""

import time

AHEAD_S = 3.0
"""The next batch waits until this one is sent: so no row is held for longer than twice this."""
FIRST, LEAST, MOST = 100, 4, 2000
GROWTH = 3
"""So many times as large the next batch becomes at most: to claim a large one takes its time, and
meanwhile there is only the one before it to be sent."""


class Pace:
    """Learns from each batch how fast the provider takes them."""

    def __init__(self) -> None:
        self.most = FIRST
        self._ended = 0.0

    def learn(self, sent: int, asked: int, began: float) -> None:
        """So many, of a batch for which so many were asked, were sent since `began` (monotonic), or
        since the batch before was."""
        now = time.monotonic()
        seconds = now - max(began, self._ended)
        self._ended = now
        # A batch that was small says little about a large one.
        if sent >= asked // 2:
            in_time = int(sent * AHEAD_S / max(seconds, 0.001))
            self.most = max(LEAST, min(MOST, in_time, self.most * GROWTH))
