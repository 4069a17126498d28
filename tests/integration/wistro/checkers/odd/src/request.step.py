config = {"type": "event", "name": "request", "subscribes": ["odd"], "emits": []}


def handler(message, ctx): ...
