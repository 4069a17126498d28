"""`flush`, as the owner: the app role may truncate no table. Tests with committed rows end by it."""

from typing import Any

from django.core.management.commands import flush


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        super().handle(**options | {"database": "owner"})
