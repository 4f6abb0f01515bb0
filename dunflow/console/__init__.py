"""The page inside Airflow: what the latest business dates came to. Reads the ledger only."""
