"""Webhooks in: find the environment, verify the caller, draw the version, hand the call to its engine.

`python -m runner.gateway`. `routes` is the routing table made quick to ask; `caller` reads address and
headers; `gateway` decides a call; `engines` are the ways to engines; `sealed` and `polling` keep the
table. Nothing here waits for the Hub while a call is served.
"""
