from django.apps import AppConfig


class IngressConfig(AppConfig):
    name = "hub.ingress"

    def ready(self) -> None:
        from django.db.models.signals import post_delete

        from hub.common import sealing
        from hub.deployments import weights
        from hub.deployments.signals import deployment_ended, deployment_healthy
        from hub.ingress import queries, reactions
        from hub.ingress.models import Traffic
        from hub.live import topics
        from hub.projects import facts
        from hub.projects.models import Project
        from hub.projects.signals import environment_made, project_removed, variables_changed

        topics.register("traffic", "environment")
        sealing.register(Traffic, "sealed_key", bound_to=lambda traffic: traffic.bound_to)
        weights.by(queries.weights_among)
        facts.for_environments(queries.serving)
        environment_made.connect(reactions.made)
        variables_changed.connect(reactions.variables_changed)
        project_removed.connect(reactions.removed)
        post_delete.connect(reactions.gone, sender=Project)
        deployment_healthy.connect(reactions.healthy)
        deployment_ended.connect(reactions.ended)
