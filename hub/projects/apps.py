from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "hub.projects"

    def ready(self) -> None:
        from hub.common import sealing
        from hub.projects.models import Variable

        sealing.register(Variable, "sealed", bound_to=lambda variable: variable.bound_to)
