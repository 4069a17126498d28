"""wistro: event-driven backends from steps in Python, JavaScript, TypeScript and Go.

Rooms are listed in ARCHITECTURE.md; nothing here imports `runner` or `hub`.
"""

__version__ = "0.1.0"
