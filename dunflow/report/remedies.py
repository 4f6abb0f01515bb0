"""What a person does about what stands still: a blocked step, a contact in doubt or parked."""

BLOCKED = {
    "given_up": (
        "It failed or did not arrive as often as the policy tries. dunflow explain shows why: "
        "mend the contact point in the source, or dunflow waive."
    ),
    "unreachable": (
        "No contact point works. Ask the source for one, give the step a letter to fall back on if "
        "it has none, or dunflow waive."
    ),
    "opt_out.": "The customer said no. Give the step another channel, or dunflow waive.",
    "consent.": "A pack wants a consent on file. dunflow consent records one, or dunflow waive.",
    "cooldown.": "Nothing: the days of rest pass.",
    "cap.": "Nothing: the days that the cap counts pass.",
    "window": "Nothing: its hours come. Where they never do, the policy and a pack exclude them.",
}
"""Reason, or what it begins with → what to do."""

UNRESOLVED = {
    "in_doubt": "Nothing: the provider is asked. What it can't tell is parked.",
    "parked": "Look into the provider's console, then dunflow resolve each with what you saw.",
}
"""State of a contact → what to do."""

REJECTED = (
    "It could not be read, so it counts for nothing: dunflow take PORTFOLIO --rejected says where "
    "it stands. Have it mended where it comes from, and delivered again."
)


def remedy(reason: str) -> str:
    """What to do about a mandatory step that is blocked for this reason."""
    return next(words for begins, words in BLOCKED.items() if reason.startswith(begins))
