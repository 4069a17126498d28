"""How much of a step runs when, as it is written: what is read, where it comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.wistro.compiler.test_problems import ENDPOINT, HEARS, write
from wistro.compiler import compile_project
from wistro.lock.model import Concurrency, Fifo, RateLimit, StepConfig

TICK = """
config = {"type": "cron", "name": "Tick", "cron": "0 2 * * *", "emits": []}
def handler(ctx): ...
"""


def config_of(
    root: Path, given: str = "", *, defaults: str = "{}", step: str = HEARS
) -> StepConfig:
    compiled = compiled_with(root, given, defaults=defaults, step=step)
    assert compiled.lock is not None, compiled.problems
    return compiled.lock.steps["src/one"].config


def compiled_with(root: Path, given: str, *, defaults: str = "{}", step: str = HEARS) -> Any:
    files = {
        "src/take.step.py": ENDPOINT,
        "src/one.step.py": step.replace('"emits"', f'{given}"emits"'),
        "wistro.yml": f"defaults: {defaults}\n",
    }
    return compile_project(write(root, files))


def test_what_a_step_says_is_in_the_lock(tmp_path: Path):
    given = (
        '"concurrency": {"limit": 10, "key": "sku"}, "fifo": {"key": "order.id", "onDead": "block"},'
        ' "rateLimit": {"limit": 100, "per": "1m", "key": "$.sku"}, "delay": 1.5, '
    )

    config = config_of(tmp_path, given)

    assert config.concurrency == Concurrency(10, "sku")
    assert config.fifo == Fifo("order.id", "block")
    assert config.rate_limit == RateLimit(100, "1m", "sku")
    assert config.delay == "1.5s"


def test_a_default_holds_where_a_step_says_nothing(tmp_path: Path):
    defaults = (
        "{concurrency: {limit: 4}, fifo: {key: id}, rateLimit: {limit: 1, per: 1s}, delay: 2}"
    )

    config = config_of(tmp_path, '"fifo": False, "concurrency": {"limit": 1}, ', defaults=defaults)

    assert (config.concurrency, config.fifo) == (Concurrency(1), None)
    assert (config.rate_limit, config.delay) == (RateLimit(1, "1s"), "2s")


def test_a_cron_step_takes_the_defaults_that_need_no_message(tmp_path: Path):
    defaults = "{concurrency: {limit: 4}, fifo: {key: id}, rateLimit: {limit: 1, per: 1s, key: id}}"

    config = config_of(tmp_path, defaults=defaults, step=TICK)

    assert (config.concurrency, config.fifo, config.rate_limit) == (Concurrency(4), None, None)


@pytest.mark.parametrize(
    ("queue", "fifo", "delay"),
    [
        ('"type": "fifo", "delaySeconds": 3', Fifo(), "3s"),
        ('"type": "fifo", "messageGroupId": "order.id"', Fifo("order.id"), None),
        ('"messageGroupId": "order.id", "type": "fifo"', Fifo("order.id"), None),
        ('"type": "standard", "delaySeconds": 0', None, None),
    ],
)
def test_motias_words_are_read(tmp_path: Path, queue: str, fifo: Fifo | None, delay: str | None):
    config = config_of(tmp_path, f'"infrastructure": {{"queue": {{{queue}}}}}, ')

    assert (config.fifo, config.delay) == (fifo, delay)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('"concurrency": 10, ', "`concurrency` is like {limit: 10}"),
        ('"concurrency": {}, ', "`concurrency.limit` is a whole number, not nothing"),
        ('"concurrency": {"limit": 0}, ', "`concurrency.limit` is from 1"),
        ('"concurrency": {"limit": 1.5}, ', "`concurrency.limit` is a whole number"),
        ('"concurrency": {"limit": True}, ', "`concurrency.limit` is a whole number"),
        ('"concurrency": {"limit": 1, "keys": "a"}, ', "`concurrency` has no key `keys`"),
        ('"concurrency": {"limit": 1, "key": "a..b"}, ', "is not a path into the message"),
        ('"fifo": "sku", ', "`fifo` is like {key: order_id}"),
        ('"fifo": {"key": "a", "onDead": "stop"}, ', "`fifo.onDead` is `stop`"),
        ('"rateLimit": {"limit": 1}, ', "`rateLimit` says no `per`"),
        ('"rateLimit": {"limit": 1, "per": "soon"}, ', "`rateLimit.per`"),
        ('"rateLimit": {"limit": 1, "per": 0}, ', "`rateLimit.per` is 0, out of range"),
        ('"delay": "later", ', "`delay`"),
    ],
)
def test_a_value_that_is_none_is_refused_at_its_line(tmp_path: Path, given: str, says: str):
    (error,) = compiled_with(tmp_path, given).problems

    assert says in error.message
    assert error.where == "src/one.step.py:2"


def test_a_default_that_is_none_is_refused_at_its_line(tmp_path: Path):
    (error,) = compiled_with(tmp_path, "", defaults="\n  fifo: {on: a}").problems

    assert "`fifo` has no key `on`" in error.message
    assert error.where == "wistro.yml:2"


def test_a_key_that_no_message_has_is_refused(tmp_path: Path):
    schema = '{"type": "object", "properties": {"sku": {}}, "additionalProperties": False}'

    (error,) = compiled_with(tmp_path, f'"input": {schema}, "fifo": {{"key": "skuu"}}, ').problems

    assert "names `skuu`" in error.message
    assert error.hint == "did you mean `sku`?"


def test_a_cron_step_has_no_message_to_look_into(tmp_path: Path):
    given = '"concurrency": {"limit": 1, "key": "sku"}, '

    (error,) = compiled_with(tmp_path, given, step=TICK).problems

    assert "has no message" in error.message


def test_an_endpoint_is_told_whose_key_it_has(tmp_path: Path):
    endpoint = ENDPOINT.replace("Take", "One").replace("/take", "/one")

    (error,) = compiled_with(tmp_path, '"fifo": {"key": "sku"}, ', step=endpoint).problems

    assert error.code == "lock.unknown-key"
    assert (error.hint or "").startswith("`fifo` is of event steps")
