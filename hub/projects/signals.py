"""What other apps may act on when projects change. Each is sent inside the transaction that changed it, in scope."""

from django.dispatch import Signal

environment_made = Signal()  # environment
variables_changed = Signal()  # environment, revision
project_removed = Signal()  # project, before its rows go
