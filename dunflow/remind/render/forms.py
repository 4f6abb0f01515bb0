"""The forms in which a reader meets a text, as what is asked of texts looks at them."""

from dataclasses import dataclass, field

from markupsafe import escape

from dunflow.remind.render.message import Text
from dunflow.remind.render.slots import NEUTRAL, Slots, called


@dataclass(frozen=True, repr=False)
class Form:
    """A text as a reader meets it. `repr` is left out: it holds personal data.

    `words` is without the customer's name, the reference and the ends of accounts. Forms are equal
    if these differ in digits alone, as those of one template do: what is asked of words is found
    out once for them.
    """

    shape: str
    is_html: bool
    words: str = field(compare=False)
    whole: str = field(compare=False)

    def spelt(self, value: str) -> str:
        """A value as the form has it."""
        return str(escape(value)) if self.is_html else value


def forms(text: Text, slots: Slots) -> list[Form]:
    """An email is read as plain text or as HTML, anything else in one form.

    A customer's own name is left out of its words: people are called Crook, and may be written to.
    """
    lines = [_form(text.subject, text.body, slots, is_html=False)]
    return lines + ([_form(text.subject, text.html, slots, is_html=True)] if text.html else [])


def _form(subject: str | None, body: str, slots: Slots, *, is_html: bool) -> Form:
    whole = f"{subject}\n{body}" if subject else body
    words = whole.replace(slots.reference, "")
    for line in slots.accounts:  # numbers with letters, such as 5U3D, may look like words
        if not (tail := line.account_ref[-4:]).isdigit() and any(map(str.isdigit, tail)):
            words = words.replace(tail, "")
    name = called(slots.customer_name, slots.language)
    if name != NEUTRAL[slots.language]:
        words = words.replace(name, "")
        words = words.replace(str(escape(name)), "") if is_html else words
    shape = words
    for digit in "123456789":  # many times as quick as one expression
        shape = shape.replace(digit, "0")
    return Form(shape, is_html, words, whole)
