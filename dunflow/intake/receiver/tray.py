"""Where tellings wait for the ledger: those that come while one lot is written are the next lot.

Providers tell several things of each message, as fast as it is sent. One by one, each would cost a
transaction of its own.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dunflow.intake.receiver.desk import Telling


@dataclass
class _Request:
    """What came in one request. `error` is what its writing raised."""

    told: list[Telling]
    is_over: bool = False
    error: Exception | None = None


@dataclass
class Tray:
    """Hands what several threads put in to `write`, one lot at a time."""

    write: Callable[[list[Telling]], object]
    _waiting: deque[_Request] = field(default_factory=deque)
    _pen: threading.Lock = field(default_factory=threading.Lock)

    def put(self, told: list[Telling]) -> None:
        """Returns when these are written down; raises what their writing raised."""
        mine = _Request(told)
        self._waiting.append(mine)
        with self._pen:
            # Whoever had the pen before may have written this along.
            if not mine.is_over:
                self._write([self._waiting.popleft() for _ in range(len(self._waiting))])
        if mine.error:
            raise mine.error

    def _write(self, lot: list[_Request]) -> None:
        try:
            self.write([each for request in lot for each in request.told])
        except Exception as error:
            if len(lot) > 1:
                # What is wrong with one of them must not befall the others.
                for request in lot:
                    self._write([request])
                return
            lot[0].error = error
        for request in lot:
            request.is_over = True
