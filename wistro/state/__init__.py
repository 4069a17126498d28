"""Keeping state elsewhere than in the environment's store: as files to look at, or in a Redis that others share.

`port` is the seam, `files` and `redis` its adapters. `elsewhere` is the store with one of them in its place: what an
attempt writes is committed with it, in an outbox, and taken to the adapter after that.
"""
