"""The local stack: embedded PostgreSQL, the sandbox and Airflow, as processes of this machine."""
