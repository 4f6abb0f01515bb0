"""Senders: one message to one address, and what came of it as a value."""
