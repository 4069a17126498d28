"""With DATABASE_URL and REDIS_URL set, `make up` runs on those and starts none of its own."""

import shutil
from pathlib import Path

import httpx
import psycopg
import pytest

from infra.place import Place
from infra.ports import free_ports
from infra.settings import DATABASE_URLS, make_up, settings_of
from infra.terminal import Failed
from infra.up import system

STORES = ("postgres", "valkey")


async def test_the_hub_runs_on_stores_that_somebody_else_runs(place: Place, tmp_path: Path):
    async with system(place, only=STORES):
        theirs = settings_of(place)
        given = {name: theirs[name] for name in (*DATABASE_URLS.values(), "REDIS_URL")}
        ports = dict(zip(("HUB", "MACHINES", "GATEWAY", "VALKEY"), free_ports(4), strict=True))
        environ = given | {f"WISTRO_PORT_{name}": str(port) for name, port in ports.items()}
        ours = make_up(environ, data=tmp_path / "ours")
        try:
            async with system(ours, only=(*STORES, "migrate", "web")) as running:
                async with httpx.AsyncClient(
                    base_url=settings_of(ours)["WISTRO_HUB_URL"]
                ) as client:
                    health = await client.get("/api/v1/health")

                assert set(running.pids) == {"web"}
                assert health.status_code == 200
                assert not (ours.data / "postgres").exists()
                with psycopg.connect(given["DATABASE_OWNER_URL"]) as connection:
                    made = connection.execute("SELECT count(*) FROM organizations").fetchone()
                assert made == (0,)
        finally:
            shutil.rmtree(ours.run, ignore_errors=True)


def test_a_database_without_its_other_roles_is_refused_by_name():
    with pytest.raises(Failed, match="DATABASE_INGEST_URL, DATABASE_OWNER_URL is not") as refused:
        make_up({"DATABASE_URL": "postgresql://app@db/wistro"})

    assert "BYPASSRLS" in refused.value.hint
