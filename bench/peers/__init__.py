"""Other systems doing the same work as bench/projects: POST -> step a -> step b, each as its own documentation starts it.

`python -m bench.peers install` puts them into a scratch folder (.data/bench by default); E1 and E2 do it when asked
for peers. Versions are pinned here. Redis runs with its everysec append file unless a system brings its own.
"""

from __future__ import annotations

from bench.peers.celery import CELERY
from bench.peers.dbos import DBOS
from bench.peers.node import BULLMQ, MOTIA, RESTATE
from bench.peers.peer import Peer

PEERS: dict[str, Peer] = {one.name: one for one in (BULLMQ, RESTATE, CELERY, DBOS, MOTIA)}
