"""Groups of commands of `dunflow`, one module each; `cli.py` puts them together."""
