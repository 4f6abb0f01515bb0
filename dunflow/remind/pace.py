"""How many contacts a worker claims at a time: as many as it sends in a few seconds."""

import time

AHEAD_S = 3.0
"""The next batch waits until this one is sent: so no row is held for longer than twice this."""
FIRST, LEAST, MOST = 100, 4, 2000


class Pace:
    """Learns from each batch how fast the provider takes them."""

    def __init__(self) -> None:
        self.most = FIRST
        self._ended = 0.0

    def learn(self, sent: int, began: float) -> None:
        """So many were sent since `began` (monotonic), or since the batch before was."""
        now = time.monotonic()
        seconds = now - max(began, self._ended)
        self._ended = now
        # A batch that was small says little about a large one.
        if sent >= self.most // 2:
            self.most = max(LEAST, min(MOST, int(sent * AHEAD_S / max(seconds, 0.001))))
