"""Airflow's own REST API, as the local user."""

import json
import urllib.error
import urllib.request
from typing import Any

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from dunflow.errors import DunflowError
from dunflow.home import local_secrets
from dunflow.stack.environment import USER
from dunflow.stack.ports import Ports

ANSWER_LIMIT_S = 60.0
PATIENCE_S = 180.0


class AirflowError(DunflowError):
    """Airflow refused a request. Carries its status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AirflowApi:
    """Speaks JSON with the API server of the local stack."""

    def __init__(self, ports: Ports) -> None:
        self._base = ports.airflow_url
        self._token: str | None = None

    def health(self) -> dict[str, Any]:
        """What Airflow says of its parts; needs no login."""
        answer: dict[str, Any] = self._call("GET", "/api/v2/monitor/health", None, {})
        return answer

    # A busy machine may answer late. To ask again does no harm; to order again might.
    @retry(
        retry=retry_if_exception_type(OSError),
        wait=wait_fixed(2),
        stop=stop_after_delay(PATIENCE_S),
        reraise=True,
    )
    def get(self, path: str) -> Any:
        return self._call("GET", path, None, self._authorization())

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        return self._call(method, path, body, self._authorization())

    def _authorization(self) -> dict[str, str]:
        if self._token is None:
            login = {"username": USER, "password": local_secrets()["DUNFLOW_AIRFLOW_PASSWORD"]}
            self._token = self._call("POST", "/auth/token", login, {})["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> Any:
        request = urllib.request.Request(  # noqa: S310  the base is loopback's http
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        # A proxy has no business between two processes of one machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=ANSWER_LIMIT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as err:
            detail = err.read(2000).decode(errors="replace")
            raise AirflowError(f"Airflow: {method} {path}: {err.code}: {detail}", err.code) from err
