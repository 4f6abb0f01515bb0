"""The errors that Dunflow raises on purpose. Each names the thing, the bad value and the repair."""


class DunflowError(Exception):
    """Something that a person has to put right; its text says how."""


class ConfigError(DunflowError):
    """A portfolio, policy, pack or template is wrong. Names file, key, value and repair."""


class SourceError(DunflowError):
    """The source did not deliver what the portfolio declares; nothing was written."""


class LedgerDown(DunflowError):
    """The ledger's server does not answer; whoever works on it tries again later."""


class NotClosed(DunflowError):
    """The business date has not closed yet in the portfolio's time zone."""


class GateFailed(DunflowError):
    """The snapshot looks wrong: the run stops before anyone is contacted."""


class BreakerTripped(DunflowError):
    """Many more contacts would be planned than usual: nothing was planned."""


class SenderDown(DunflowError):
    """A sender itself failed (credentials, quota): its channel stopped, nothing was lost."""
