"""`migrate`, as the owner: the app role may change no table. Ends by loading the doors."""

from typing import Any

from django.core.management.commands import migrate

from hub.common import doors


class Command(migrate.Command):
    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"]):
            doors.install(options["database"])
