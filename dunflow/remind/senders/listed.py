"""Letters, call lists and visits: nothing is transmitted, so nothing can be refused."""

from collections.abc import Sequence
from datetime import datetime

from dunflow.remind.senders.outcome import Accepted, Answer, Message, Outcome, Question, Seen

LISTED = ("letter", "call", "visit")


class ListedSender:
    """Accepts at once: the outbox row itself is the line on the list or the sheet in the batch."""

    def send(self, message: Message, *, now: datetime) -> Outcome:  # noqa: ARG002 - the protocol
        return Accepted(f"list-{message.reference}")

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        return [Seen(f"list-{question.reference}", None) for question in questions]
