"""`python -m dunflow`: the same as `dunflow`."""

from dunflow.cli import main

main(prog_name="dunflow")
