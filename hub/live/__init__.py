"""The live channel: tells open pages that there is something new to read. A hint; the stores hold the truth."""

from hub.live.publishing import publish, publish_all

__all__ = ["publish", "publish_all"]
