"""The store for several engines: one PostgreSQL schema an environment. Needs the `postgres` extra (psycopg)."""
