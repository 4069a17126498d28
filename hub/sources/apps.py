from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "hub.sources"

    def ready(self) -> None:
        from hub.common import sealing
        from hub.deployments import fetching
        from hub.deployments.signals import version_changed
        from hub.live import topics
        from hub.projects import facts
        from hub.sources import checks, orders, queries
        from hub.sources.models import App, Source

        topics.register("source", "project")
        sealing.register(App, "sealed", bound_to=lambda app: app.bound_to, of_tenants=False)
        sealing.register(Source, "sealed", bound_to=lambda source: source.bound_to)
        facts.for_projects(queries.facts)
        fetching.git_by(orders.order)
        fetching.heads_by(queries.head_of)
        version_changed.connect(checks.note, dispatch_uid="hub.sources.checks")
