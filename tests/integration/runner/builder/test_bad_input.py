"""Bad input at the builder's door: a push of a project that does not compile, built in the real sandbox."""

from __future__ import annotations

from runner.builder.build import Shop
from tests.integration.runner.builder.git_host import GitHost
from tests.integration.runner.builder.machine_api import MachineApi
from tests.integration.runner.builder.test_builds import PROJECT, STEP, a_source

HEAR = """config = {"type": "evnt", "name": "Hear", "subscribes": ["greeted"], "emits": []}
def handler(message, ctx): ...
"""


async def test_a_push_that_does_not_compile_fails_with_each_mistake_and_its_place(
    api: MachineApi, host: GitHost, builder: Shop
) -> None:
    files = {
        "src/greet.step.py": STEP.replace('"emits": []', '"emits": ["greeted"]'),
        "src/hear.step.py": HEAR,
        "src/torn.step.py": "raise ValueError('torn')\n",
    }
    api.order(git=a_source(host, "wrong", host.commit("wrong", PROJECT | files)))

    result = await api.result()

    assert (result.outcome, result.bundle, result.lock) == ("failed", None, None)
    said = {problem.code: problem for problem in result.problems}
    assert set(said) == {"lock.config", "lock.import"}
    assert "`type` is `evnt`" in said["lock.config"].message
    assert "did you mean `event`?" in (said["lock.config"].hint or "")
    assert (said["lock.config"].where or "").startswith("src/hear.step.py:1")
    assert "torn" in said["lock.import"].message
    assert (said["lock.import"].where or "").startswith("src/torn.step.py:1")
    assert 'File "' not in api.text() and "Traceback" not in api.text()
