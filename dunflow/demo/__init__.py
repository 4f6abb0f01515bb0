"""A made-up lender, for the demo and for whoever wants to try something on plausible accounts."""
