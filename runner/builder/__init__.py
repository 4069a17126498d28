"""From a push to a version: fetch the commit, install, compile, upload. `python -m runner.builder`.

What a tenant wrote runs in sandboxes alone (`sandboxed`): fetching has one with the token and no code of theirs,
installing one with the package indexes, compiling one with no network.
"""
