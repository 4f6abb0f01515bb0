"""Dunflow: a debt-collections (dunning) pipeline. The folders below follow the order of a day."""
