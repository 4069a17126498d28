"""What apps above this one act on. Each is sent inside the transaction that changed it, in scope."""

from django.dispatch import Signal

version_changed = Signal()  # version: its build moved on; sources tells the git host
deployment_healthy = Signal()  # deployment, for the first time; ingress gives it its weight
deployment_ended = Signal()  # deployment: stopped or failed
