"""A project's connection to a git host: connecting, hearing of pushes, reading refs, telling the host how a build went."""
