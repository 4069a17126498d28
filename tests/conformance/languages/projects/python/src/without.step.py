config = {"type": "noop", "name": "Without a handler"}
