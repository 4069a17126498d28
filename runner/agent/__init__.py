"""The machine that runs environments: `python -m runner.agent` polls what is assigned to it, fetches versions and
keeps one engine process (`python -m runner.agent.engine`) an environment, which outlives it. Neighbours: `gateway`
sends the engines their calls, `shipping` takes their records to the Hub."""
