"""Machines of the fleet and the API they speak (wistro/protocol/machine.py)."""
