"""`wistro deploy` against the real Hub; the test is the builder and the agent."""

import json
import signal
import subprocess

import msgspec
import pytest

from hub.common.tenancy import tenant
from hub.deployments import blobs, deploying, versions
from hub.deployments.models import Blob, Build, Deployment, Version
from hub.live import topics
from tests.factories.accounts import a_token, an_organization, owner_of
from tests.factories.projects import a_project, an_environment
from wistro.protocol.bundle import Bundle
from wistro.protocol.ids import new_id
from wistro.protocol.machine import BuildLine, BuildProgress, BuildResult, DeploymentHealth, Problem

pytestmark = pytest.mark.django_db(transaction=True)

STEP = """
config = {
    "type": "api", "name": "Greet", "flows": ["greetings"],
    "method": "GET", "path": "/hello", "public": True,
}

async def handler(req, ctx):
    return {"status": 200, "body": {"hello": "wörld"}}
"""


@pytest.fixture(autouse=True)
def a_topic():
    topics.register("traffic", "environment")


@pytest.fixture
def project():
    made = a_project(an_organization(slug="acme"), slug="shop")
    for name in ("dev", "staging"):
        an_environment(made, name=name)
    return made


@pytest.fixture
def shop(terminal, project):
    """A terminal in a project's folder that is signed in by its environment."""
    terminal.env["WISTRO_TOKEN"] = a_token(owner_of(project.organization_id))
    files = {
        "src/greet.step.py": STEP,
        "notes/größe.txt": "two\n",
        ".env": "SECRET=1",
        ".gitignore": "*.log\n.wistro/\n",
        "loud.log": "x",
        "node_modules/x/index.js": "x",
    }
    for name, text in files.items():
        path = terminal.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (terminal.folder / "latest.txt").symlink_to("notes/größe.txt")
    return terminal


def sent(project):
    """The bundle of the newest version as the Hub holds it."""
    with tenant(project.organization_id):
        version = Version.objects.filter(project=project).latest("number")
        return msgspec.json.decode(blobs.path_of(version.upload).read_bytes(), type=Bundle)


def test_a_folder_becomes_a_queued_version(shop, project):
    said = shop("deploy", "--project", "acme/shop", "--no-wait", "--json")

    assert said.code == 0, said.err
    assert json.loads(said.out)["version"] == 1
    assert json.loads(said.out)["state"] == "queued"
    assert "✓ Compiled  1 step, 0 events, 1 flow" in said.err
    assert "✓ Uploaded  version 1" in said.err
    assert said.err.rstrip().endswith("next: wistro versions 1 --follow --project acme/shop")
    by_path = {one.path: one for one in sent(project).files}
    assert sorted(by_path) == sorted(
        [".gitignore", "latest.txt", "notes/größe.txt", "src/greet.step.py", "wistro.yml.lock"]
    )
    assert by_path["latest.txt"].mode == "link"
    assert blobs.path_of(by_path["notes/größe.txt"].sha256).read_bytes() == b"two\n"
    with tenant(project.organization_id):
        assert Build.objects.get().state == "queued"


def test_only_what_is_new_is_sent_again(shop, project):
    shop("deploy", "-p", "acme/shop", "--no-wait")
    with tenant(project.organization_id):
        before = Blob.objects.count()
    (shop.folder / "notes" / "new.txt").write_text("three")

    said = shop("deploy", "-p", "acme/shop", "--no-wait")

    assert "version 2" in said.err
    with tenant(project.organization_id):
        assert Blob.objects.count() == before + 2  # the file and the bundle
    assert "the Hub had every file" in shop("deploy", "-p", "acme/shop", "--no-wait").err


def test_a_mistake_in_a_step_stops_it_before_anything_is_sent(shop, project):
    (shop.folder / "src" / "lost.step.py").write_text(
        'config = {"type": "event", "name": "Lost", "subscribes": ["order.payed"]}\n'
        "def handler(data, ctx): ..."
    )

    said = shop("deploy", "-p", "acme/shop")

    assert said.code == 1
    assert "lock.unknown-topic" in said.err
    assert "nothing was sent" in said.err
    with tenant(project.organization_id):
        assert not Version.objects.exists()


def test_a_project_whose_packages_are_not_here_is_left_to_the_builder(shop, project):
    (shop.folder / "requirements.txt").write_text("nowhere-installed==1\n")
    (shop.folder / "src" / "lost.step.py").write_text("import nowhere_installed\n" + STEP)

    said = shop("deploy", "-p", "acme/shop", "--no-wait")

    assert said.code == 0, said.err
    assert "only the builder compiles it" in said.err
    assert "requirements.txt" in {one.path for one in sent(project).files}


def test_variables_without_a_value_are_named(shop, project):
    (shop.folder / "wistro.yml").write_text("env: [KEY, TOKEN, {name: CURRENCY, default: EUR}]\n")

    said = shop("deploy", "-p", "acme/shop", "--no-wait")

    assert said.code == 0, said.err
    assert "note: without a value in dev: KEY, TOKEN" in said.err
    assert "next: wistro env set KEY --to dev --project acme/shop" in said.err
    for name in ("KEY", "TOKEN"):
        assert shop("env", "set", name, "-p", "acme/shop", stdin="x").code == 0
    assert "without a value" not in shop("deploy", "-p", "acme/shop", "--no-wait").err


def test_a_project_of_others_is_not_there(shop):
    a_project(an_organization(slug="others"), slug="shop")

    said = shop("deploy", "-p", "others/shop")

    assert said.code == 1
    assert "hub.no-project" in said.err


def test_an_unknown_environment_is_answered_with_those_there_are(shop):
    said = shop("deploy", "-p", "acme/shop", "--to", "stagin")

    assert said.code == 1
    assert "did you mean `staging`?" in said.err


def test_a_folder_that_is_no_project_of_the_hub_says_how_to_link_it(shop):
    said = shop("deploy")

    assert said.code == 1
    assert "link.none" in said.err
    assert shop("link", "acme/shop").code == 0
    assert json.loads((shop.folder / ".wistro" / "project.json").read_text())["project"] == "shop"


def read_until(running: subprocess.Popen[str], text: str) -> str:
    assert running.stderr is not None
    said = ""
    while text not in said:
        line = running.stderr.readline()
        assert line, said
        said += line
    return said


@pytest.fixture
def deploying_now(shop):
    running = shop.start("deploy", "-p", "acme/shop", "--to", "staging")
    read_until(running, "Uploaded")
    yield running
    running.kill()
    running.communicate()


def built(project, outcome, problems=()):
    """A builder takes the build up, says two lines, and ends it."""
    build = versions.claim(new_id())
    assert build is not None
    lines = [
        BuildLine(seq=0, at_us=1, stage="installing", text="resolved 3 packages\x1b[2J"),
        BuildLine(seq=1, at_us=2, stage="compiling", text="größer"),
    ]
    with tenant(project.organization_id):
        build = Build.objects.get(pk=build.pk)
        versions.progress(build, BuildProgress(attempt=1, state="compiling", lines=lines))
        version = Version.objects.get(pk=build.version_id)
        files = msgspec.json.decode(blobs.path_of(version.upload).read_bytes(), type=Bundle).files
        lock = next(one for one in files if one.path == "wistro.yml.lock")
        result = BuildResult(
            attempt=1,
            outcome=outcome,
            problems=list(problems),
            bundle=version.upload if outcome == "ready" else None,
            lock=blobs.path_of(lock.sha256).read_bytes().decode() if outcome == "ready" else None,
        )
        versions.finish(build, result)
        return Deployment.objects.filter(version=version).first()


def test_it_follows_the_build_and_the_deployment_to_the_end(deploying_now, project):
    made = built(project, "ready")
    said = read_until(deploying_now, "größer")
    with tenant(project.organization_id):
        made = Deployment.objects.get(pk=made.pk)
        deploying.hear(made, DeploymentHealth(deployment_id=str(made.pk), state="healthy"))

    _, rest = deploying_now.communicate(timeout=30)

    assert deploying_now.returncode == 0, said + rest
    assert "\x1b" not in said
    assert "✓ Healthy   version 1 in staging" in rest
    assert "next: wistro" in rest


def test_a_build_that_fails_says_why_and_where(deploying_now, project):
    problem = Problem(
        "lock.import", "no module `humanize`", hint="Add it.", where="src/a.step.py:3"
    )
    built(project, "failed", [problem])

    _, rest = deploying_now.communicate(timeout=30)

    assert deploying_now.returncode == 1
    assert "error: no module `humanize`\n  --> src/a.step.py:3\n hint: Add it." in rest
    assert "lock.import" in rest
    assert "version 1 could not be built; staging is as it was" in rest


def test_a_deployment_that_fails_says_why(deploying_now, project):
    made = built(project, "ready")
    with tenant(project.organization_id):
        made = Deployment.objects.get(pk=made.pk)
        said = DeploymentHealth(deployment_id=str(made.pk), state="failed", error="no DATABASE_URL")
        deploying.hear(made, said)

    _, rest = deploying_now.communicate(timeout=30)

    assert deploying_now.returncode == 1
    assert "did not start in staging: no DATABASE_URL" in rest
    assert "deploy.unhealthy" in rest


def test_ctrl_c_leaves_the_build_going_and_says_how_to_follow_it(deploying_now, project):
    deploying_now.send_signal(signal.SIGINT)

    _, rest = deploying_now.communicate(timeout=30)

    assert deploying_now.returncode == 130
    assert "version 1 goes on" in rest
    assert "next: wistro versions 1 --follow --project acme/shop" in rest
    with tenant(project.organization_id):
        assert Build.objects.get().state == "queued"
