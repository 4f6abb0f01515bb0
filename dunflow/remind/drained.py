"""What a drain of the outbox came to."""

from dataclasses import dataclass, field

from dunflow.errors import SenderDown


@dataclass
class Drained:
    """What a drain did: outcomes by state, and the channels whose sender is down, with the why."""

    outcomes: dict[str, int] = field(default_factory=dict)
    down: dict[str, str] = field(default_factory=dict)

    def count(self, states: dict[str, int]) -> None:
        for state, count in states.items():
            self.outcomes[state] = self.outcomes.get(state, 0) + count

    def raise_if_down(self) -> None:
        """Raises SenderDown that names each channel. What it could not send is still planned."""
        if self.down:
            told = "; ".join(f"{channel}: {why}" for channel, why in sorted(self.down.items()))
            raise SenderDown(f"{told}. The channel stopped, its contacts stay planned")
