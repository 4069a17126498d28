"""One httptools protocol for the HTTP trigger and the gateway: limits, timeouts, drain. No routing, no auth.

`paths` finds an endpoint; `message` is a request and a response; `server` listens, `connection` is one
caller and `sender` its answers; `client` is the gateway's way to an engine; `errors` what callers are told.
"""
