"""Fixtures that every test may ask for; nothing starts until one does (infra/fixtures.py)."""

from infra.fixtures import place, stores

__all__ = ["place", "stores"]
