"""Drawn only: the courier's part, outside the system."""

config = {
    "type": "noop",
    "name": "Courier picks up",
    "flows": ["orders"],
    "virtualSubscribes": ["payment.done"],
    "virtualEmits": [],
}
