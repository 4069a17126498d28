"""The one socket address, /live."""

from channels.routing import URLRouter

socket = URLRouter([])
