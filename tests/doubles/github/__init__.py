"""A double of GitHub: a process of its own that speaks https with a throw-away CA and serves real repositories.

`GitHub` (client.py) starts it and steers it from a test; state.py holds what is in it; rest.py, pages.py and
smart_http.py are its three faces; deliveries.py sends webhooks. It refuses what GitHub refuses.
"""

from tests.doubles.github.client import GitHub

__all__ = ["GitHub"]
