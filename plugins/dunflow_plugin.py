"""Puts the console into Airflow, behind Airflow's login."""

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends

from dunflow.console.app import create_app


class DunflowPlugin(AirflowPlugin):
    name = "dunflow"
    fastapi_apps = [
        {
            "name": "dunflow",
            "url_prefix": "/dunflow",
            # Airflow mounts such an application without any login of its own.
            "app": create_app(
                [Depends(requires_access_view(AccessView.PLUGINS))], login="/api/v2/auth/login"
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
