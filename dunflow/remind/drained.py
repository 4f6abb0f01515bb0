"""What a drain of the outbox came to."""

from dataclasses import dataclass, field

from dunflow.errors import ConfigError, SenderDown


@dataclass
class Drained:
    """What a drain did: outcomes by state, and the channels whose sender is down, with the why.

    `faults`: what is wrong with templates that it met. `unworded`: what waits for a template, by
    channel and template, whether or not this drain met it.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    down: dict[str, str] = field(default_factory=dict)
    faults: set[str] = field(default_factory=set)
    unworded: list[str] = field(default_factory=list)

    def count(self, states: dict[str, int]) -> None:
        for state, count in states.items():
            self.outcomes[state] = self.outcomes.get(state, 0) + count

    def add(self, later: "Drained") -> None:
        """What a later drain came to, besides."""
        self.count(later.outcomes)
        self.down |= later.down
        self.faults |= later.faults
        self.unworded = later.unworded

    def raise_if_held_up(self) -> None:
        """Raises SenderDown that names each channel, or ConfigError that names each template. What
        could not be sent is still planned, and everything else had its turn."""
        told = []
        if self.down:
            down = "; ".join(f"{channel}: {why}" for channel, why in sorted(self.down.items()))
            told.append(f"{down}. The channel stopped, its contacts stay planned")
        if self.faults or self.unworded:
            found = "; ".join([*sorted(self.faults), *self.unworded])
            told.append(
                f"{found}. What a template can't word stays planned and is tried again every "
                "quarter of an hour; all else has gone its way. See `dunflow check`"
            )
        if told:
            raise (SenderDown if self.down else ConfigError)(". ".join(told))
