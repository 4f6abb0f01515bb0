"""The inbox: a page for people that shows what the sandbox accepted."""
