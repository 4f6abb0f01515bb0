"""Texts: from what is known about a contact to the words that go out."""
