"""Locks -> running system: calls are answered, messages delivered, retried, given up; runs begin and end.

`engine` is the whole and its door; `endpoints` and `deliveries` are the two ways an attempt comes about; `attempt` is
what a step may ask while it runs; `loaded` is a deployment's lock made ready. What is still to do is in
`wistro/store`, what happened goes to `wistro/records`, steps run in `wistro/hosts`.
"""
