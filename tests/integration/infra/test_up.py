"""A system in a place of its own: what dies is started again, and nothing outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from infra import procs
from infra.embedded import make_roles, postgres_binary, prepare_postgres, superuser
from infra.place import CHECKOUT
from infra.processes import BY_NAME
from infra.settings import DATABASE_URLS, ROLES, secrets_of, settings_of
from infra.supervisor import Supervisor, end_leftovers
from infra.terminal import Failed
from infra.up import only_one, stop, system

STORES = ("postgres", "valkey")


@pytest.mark.parametrize("name", STORES)
async def test_a_killed_store_is_started_again_with_its_rows(place, name):
    place = replace(place, durable=True)
    async with system(place, only=STORES) as running:
        owner = settings_of(place)["DATABASE_OWNER_URL"]
        with psycopg.connect(owner) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
        before = running.pids[name]

        os.kill(before, signal.SIGKILL)
        await running.wait_restarted(name)

        assert running.pids[name] != before
        with psycopg.connect(owner) as connection:
            assert connection.execute("SELECT seven FROM kept").fetchone() == (7,)


async def test_leaving_a_system_leaves_no_process_and_no_socket_folder(place):
    async with system(place, only=STORES) as running:
        started = [procs.identify(pid) for pid in running.pids.values()]

    assert len(started) == 2
    assert [one for one in started if one and procs.identify(one.pid) == one] == []
    assert procs.marked(place.key) == []
    assert not place.run.exists()


async def test_a_second_system_on_the_same_place_is_refused_by_pid(place):
    place.make_folders()
    with only_one(place), pytest.raises(Failed, match=f"already runs here \\(pid {os.getpid()}\\)"):
        async with system(place, only=STORES):
            pass


async def test_a_half_made_database_is_made_again(place):
    place.make_folders()
    (place.data / "postgres").mkdir()
    (place.data / "postgres" / "PG_VERSION").write_text("18\n")

    async with system(place, only=("postgres",)):
        with psycopg.connect(superuser(place, "wistro")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_a_lock_file_of_a_dead_server_does_not_stop_the_next(place):
    async with system(place, only=("postgres",)):
        text = (place.data / "postgres" / "postmaster.pid").read_text()
    ours = text.replace(
        text.split("\n", 1)[0], str(os.getpid()), 1
    )  # reused by us, who are no PostgreSQL
    (place.data / "postgres" / "postmaster.pid").write_text(ours)

    async with system(place, only=("postgres",)) as running:
        assert "postgres" in running.pids


@pytest.mark.skipif(not procs.LINUX, reason="orphans are found by their mark in /proc")
def test_what_a_killed_system_left_is_ended_by_the_next(place):
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from infra.place import Place, Ports; from infra.up import system\n"
        "async def main():\n"
        f"    place = Place(data=Path({str(place.data)!r}), ports=Ports(*{list(vars(place.ports).values())}), durable=False)\n"
        f"    async with system(place, only={STORES}) as running:\n"
        "        print(*running.pids.values(), flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    popen = subprocess.Popen(
        [sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert popen.stdout is not None
    left = [procs.identify(int(pid)) for pid in popen.stdout.readline().split()]
    popen.kill()
    popen.wait()
    popen.stdout.close()
    assert [one for one in left if one and procs.identify(one.pid) == one] == left

    ended = end_leftovers(place)

    assert ended >= 2
    assert [one for one in left if one and procs.identify(one.pid) == one] == []


async def test_a_process_that_cannot_start_is_said_with_its_last_words(place):
    (place.data / "valkey").mkdir(parents=True)
    (place.data / "valkey" / "valkey.conf").mkdir()  # so that it cannot be written

    with pytest.raises(Failed, match=r"valkey ended \d times while starting: .*valkey.conf"):
        async with system(place, only=("valkey",)):
            pass


def test_a_database_that_cannot_be_made_names_the_way_out(place, monkeypatch, tmp_path):
    broken = tmp_path / "initdb"
    broken.write_text("#!/bin/sh\necho 'initdb: error: no such locale' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(
        "infra.embedded.postgres_binary",
        lambda name: str(broken) if name == "initdb" else postgres_binary(name),
    )

    with pytest.raises(Failed, match="no such locale") as refused:
        prepare_postgres(place)

    assert "DATABASE_URL" in refused.value.hint


async def test_the_compose_files_database_gets_the_roles_of_make_up(place):
    """infra/docker/roles.sh, run on a bare server as the postgres image runs it."""
    place.make_folders()
    running = Supervisor(place)
    prepare_postgres(place)
    running.start(BY_NAME["postgres"])
    try:
        await running.wait_ready("postgres")
        env = {
            "PATH": f"{Path(postgres_binary('psql')).parent}:/usr/bin:/bin",
            "PGHOST": str(place.run),
            "PGPASSWORD": secrets_of(place)["postgres"],
            "POSTGRES_USER": "postgres",
            **{f"WISTRO_{role.upper()}_PASSWORD": secrets_of(place)[role] for role in ROLES},
        }
        script = CHECKOUT / "infra" / "docker" / "roles.sh"
        done = await asyncio.to_thread(
            subprocess.run, [script], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        by_script = roles_of(place)

        await asyncio.to_thread(make_roles, place)

        assert by_script == roles_of(place)
        assert by_script == {
            "wistro_app": (True, False, False, False),
            "wistro_ingest": (True, False, True, False),
            "wistro_owner": (True, False, True, False),
        }
        for name in DATABASE_URLS.values():
            psycopg.connect(settings_of(place)[name]).close()
    finally:
        await stop(running)


def roles_of(place):
    asked = "SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname LIKE 'wistro%'"
    with psycopg.connect(superuser(place, "wistro")) as connection:
        return {name: tuple(rights) for name, *rights in connection.execute(asked)}
