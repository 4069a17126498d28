"""One httptools protocol for the HTTP trigger and the gateway: limits, timeouts, drain.

`paths` finds an endpoint; `message` is a request and a response; `server` listens (`connection` is one
caller's); `client` is the gateway's way to an engine; `errors` what a caller is told. No routing, no auth.
"""
