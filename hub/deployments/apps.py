from django.apps import AppConfig


class DeploymentsConfig(AppConfig):
    name = "hub.deployments"

    def ready(self) -> None:
        from hub.live import topics

        topics.register("versions", "project")
        topics.register("build", "version")
