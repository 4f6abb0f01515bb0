FROM apache/airflow:3.3.2-python3.11

ENV DUNFLOW_ROOT=/opt/airflow \
    DUNFLOW_HOME=/opt/airflow/.dunflow

# Made here so that the volumes laid over them belong to the image's own user.
RUN mkdir -p .dunflow login sandbox

# The lock alone first: the code changes more often than what it stands on.
COPY --chown=airflow:root requirements.txt /opt/dunflow/
RUN pip install --no-cache-dir --requirement /opt/dunflow/requirements.txt

COPY --chown=airflow:root pyproject.toml README.md LICENSE /opt/dunflow/
COPY --chown=airflow:root dunflow /opt/dunflow/dunflow
RUN pip install --no-cache-dir --no-deps /opt/dunflow

COPY --chown=airflow:root dags dags
COPY --chown=airflow:root plugins plugins
COPY --chown=airflow:root include include
