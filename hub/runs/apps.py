from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "hub.runs"

    def ready(self) -> None:
        from hub.ingress import draws
        from hub.live import topics
        from hub.projects.signals import project_removed
        from hub.runs.actions import forget_project
        from hub.runs.store import records

        topics.register("lines", "environment")
        topics.register("runs", "environment")
        topics.register("run", "run")
        draws.by(records.draws)
        project_removed.connect(forget_project, dispatch_uid="hub.runs")
