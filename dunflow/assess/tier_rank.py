"""Tiers as ranks: 0 is the mildest. The ledger keeps names, since policies change."""

from sqlalchemy import ColumnElement, Integer, Text, case, literal, null

from dunflow.config.policy import Policy


def tier_rank(policy: Policy, tier: ColumnElement[str]) -> ColumnElement[int]:
    """The rank of a tier's name; NULL for none, and for a name that this policy does not know."""
    ranks = {
        name: literal(rank, Integer)
        for rank, known in enumerate(policy.tiers)
        for name in known.names
    }
    return case(ranks, value=tier, else_=null())


def tier_of_rank(policy: Policy, rank: ColumnElement[int]) -> ColumnElement[str]:
    """The name of a tier's rank; NULL for NULL."""
    names = {number: literal(tier.tier, Text) for number, tier in enumerate(policy.tiers)}
    return case(names, value=rank, else_=null())
