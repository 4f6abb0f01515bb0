"""Puts the console into Airflow, behind Airflow's login and its permissions."""

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_view
from airflow.models.dag import DagModel
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends

from dunflow.console.app import SeesPeople, create_app


def sees_people(user: GetUserDep) -> SeesPeople:
    """Who may edit a portfolio's daily DAG works on it; who may only view it gets figures."""

    def of(portfolio: str) -> bool:
        dag = f"daily_escalation__{portfolio}"
        details = DagDetails(id=dag, team_name=DagModel.get_team_name(dag))
        return get_auth_manager().is_authorized_dag(method="PUT", details=details, user=user)

    return of


class DunflowPlugin(AirflowPlugin):
    name = "dunflow"
    fastapi_apps = [
        {
            "name": "dunflow",
            "url_prefix": "/dunflow",
            # Airflow mounts such an application without any login of its own.
            "app": create_app(
                [Depends(requires_access_view(AccessView.PLUGINS))],
                login="/api/v2/auth/login",
                sees_people=sees_people,
            ),
        }
    ]
    external_views = [
        {
            "name": "Dunflow",
            "href": "/dunflow/",
            "url_route": "dunflow",
            "destination": "nav",
        }
    ]
