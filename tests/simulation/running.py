"""How a machine is run: so many examples of so many steps, from a seed that is printed and can be given again.

`WISTRO_SIMULATION_SEED=123 pytest tests/simulation` runs the same examples once more.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

SEED = "WISTRO_SIMULATION_SEED"


def run(
    machine: type[RuleBasedStateMachine],
    *,
    examples: int,
    steps: int = 40,
    phases: Sequence[Phase] = tuple(Phase),
    seed: int | None = None,
) -> None:
    if seed is None:
        seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(2**32))
    print(f"{SEED}={seed}")
    seeded = hypothesis.seed(seed)(type(machine.__name__, (machine,), {}))
    run_state_machine_as_test(
        seeded,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            print_blob=True,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
