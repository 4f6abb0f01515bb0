"""What a text says of the facts that it was made of: packs ask for some of it."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from dunflow.config.duties import Slot
from dunflow.config.pack import Floor
from dunflow.config.policy import Channel
from dunflow.remind.render.forms import Form, forms
from dunflow.remind.render.message import Text
from dunflow.remind.render.segments import spell_plainly
from dunflow.remind.render.slots import Slots, full_name, most_listed, one_line, values

_WORDED: Final[Mapping[Slot, re.Pattern[str]]] = {
    "opt_out_instruction": re.compile(r"\bstop\b|unsubscribe|opt out|退订|拒收"),
    "how_to_object": re.compile(r"\b(object\w*|disput\w*|disagree|wrong|not owe)\b|异议|不符|有误"),
}
"""What is said in words."""

_SHOWN: Final[Mapping[Slot, Callable[[Mapping[str, Any]], list[list[str]]]]] = {
    "institution_name": lambda given: [[given["lender"].name]],
    "debtor_name": lambda given: [[given["customer"]]],
    "account_tail": lambda given: [[account.tail for account in given["accounts"]]],
    "amount_due": lambda given: [[given["total"]]],
    "as_of": lambda given: [[given["as_of"]]],
    "reason": lambda given: [[given["accounts"][0].due_on]],
    "how_to_pay": lambda given: [[given["lender"].pay_url]],
    "how_to_object": lambda given: [[given["lender"].phone], [given["lender"].complaints]],
    "official_contact": lambda given: [[given["lender"].phone]],
}
"""What is said by values that stand there, all those of one of these ways. The reason is since when
the oldest account is owed."""

HEARD: Final[tuple[Slot, ...]] = ("institution_name", "official_contact")
"""What a call says to whoever answers it, or to a machine."""


def unsaid(
    said: Sequence[Form], channel: Channel, slots: Slots, asked: Collection[Slot]
) -> list[Slot]:
    """What a text fails to say of what is asked for; each of its forms must say all of it.

    It is looked for in each text anew: a template may say it on some of its branches only.
    """
    given: Mapping[str, Any] = values(slots, most_listed(channel))
    lacking = {slot for slot in asked for form in said if not _says(form, slot, given)}
    if "debtor_name" in lacking and full_name(slots.customer_name) is None:
        lacking.remove("debtor_name")  # nobody knows one
    return sorted(lacking)


def faults(
    where: str, text: Text, said: Sequence[Form], channel: Channel, slots: Slots, floor: Floor
) -> list[str]:
    """What a text lacks of what the packs ask for, in sentences for whoever can mend the template.

    A call that names nobody and no number is lawful nowhere that we looked (CN-11, US-13, UK-03),
    so that is asked whatever the packs say, of what anybody hears.
    """
    lacking = unsaid(said, channel, slots, floor.required_slots(channel))
    found = [f"{where}: does not say {slot}, which a pack asks for" for slot in lacking]
    if channel == "voice":
        opening = forms(Text(None, text.subject or "", None), slots)
        found += [
            f"{where}: block 'limited' of _base does not say {slot}, and whoever answers a call "
            "must hear who calls and where to call back"
            for slot in unsaid(opening, channel, slots, HEARD)
        ]
    return found


def _says(form: Form, slot: Slot, given: Mapping[str, Any]) -> bool:
    if slot in _WORDED and not _finds(_WORDED[slot], form):
        return False
    return slot not in _SHOWN or any(
        all(_holds(form, value) for value in way) for way in _SHOWN[slot](given)
    )


def _holds(form: Form, value: str) -> bool:
    """Whether it stands there, be it in capitals or in other signs for the same."""
    spelt = form.spelt(value)
    return spelt in form.whole or _plainly(spelt) in _plainly(form.whole)


def _plainly(text: str) -> str:
    return spell_plainly(one_line(text)).casefold()


def _finds(what: re.Pattern[str], form: Form) -> bool:
    """Of a customer called T the words lack that letter, so then the whole is looked at."""
    return _finds_in_words(what, form) or what.search(form.whole.casefold()) is not None


@lru_cache(maxsize=2048)
def _finds_in_words(what: re.Pattern[str], form: Form) -> bool:
    return what.search(form.words.casefold()) is not None
