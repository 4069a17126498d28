"""What can be wrong with a project. Each is a UserError with `where` = file:line; the compiler gathers them all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from wistro.errors import NotYet, UserError


class BadConfig(UserError):
    """A value in a step's `config` or in wistro.yml that is not what its key takes."""

    code = "lock.config"


class UnknownKey(UserError):
    """A key that nothing reads."""

    code = "lock.unknown-key"


class NoConfig(UserError):
    """A step file without a `config`."""

    code = "lock.no-config"


class NoHandler(UserError):
    """A step that runs, without a `handler` to run."""

    code = "lock.no-handler"
    hint = "Define `handler` at the file's top level (TypeScript: export it)."


class CannotImport(UserError):
    """A step file that raises, exits or crashes while it is imported."""

    code = "lock.import"


class SyntaxMistake(UserError):
    """A step file, or one that it imports, that its language cannot read."""

    code = "lock.syntax"


class TooSlow(UserError):
    """A step file whose import takes longer than 10 s."""

    code = "lock.describe-timeout"
    hint = "Move what waits (connections, downloads) from the file's top level into the handler."


class GoMain(UserError):
    """A Go step file in package main, which the program that runs steps cannot import."""

    code = "lock.go-main"
    hint = "Name the package after its folder."


class BadFileName(UserError):
    """A step's path that cannot be its id, or the same id from two files."""

    code = "lock.file-name"


class UnknownLanguage(UserError):
    """A `*.step.*` file of a language that wistro does not speak."""

    code = "lock.language"
    hint = "Steps are .py, .ts, .js or .go files."


class DuplicateName(UserError):
    """Two steps of one name; generated types are keyed by names."""

    code = "lock.duplicate-name"
    hint = "Rename one: a `name` is what people read, and unique in a project."


class DuplicateEndpoint(UserError):
    """Two endpoints for one method and path."""

    code = "lock.duplicate-endpoint"


class OpenEndpoint(UserError):
    """An endpoint that names neither `auth` nor `public: true`."""

    code = "lock.open-endpoint"
    hint = "Say who may call it: `auth: {type: api_key, keys: [$KEY]}`, or `public: true` if everybody may."


class UnknownTopic(UserError):
    """A step subscribes to a topic that nothing emits."""

    code = "lock.unknown-topic"
    hint = "Emit it from a step or an entry of wistro.yml, or declare it there as `from: outside`."


class UnheardTopic(UserError):
    """A topic that is emitted and nobody subscribes to (a warning)."""

    code = "lock.unheard-topic"
    hint = "Its messages are checked, then dropped."


class DoesNotMeet(UserError):
    """What is emitted on a topic does not fit a step that subscribes to it."""

    code = "lock.does-not-fit"


class CannotTell(UserError):
    """Whether it fits cannot be decided when compiling; it is checked when running (a warning)."""

    code = "lock.cannot-decide"
    hint = "It is checked when running: a message that does not fit is refused at the emit."


class UnfilledForm(UserError):
    """`onTimeout` names an answer whose form cannot be filled without anybody: a needed field has no default."""

    code = "lock.unfilled-form"
    hint = "Give the field a default, or let `onTimeout` name a topic."


class Contradiction(UserError):
    """No message can satisfy every subscriber of a topic."""

    code = "lock.contradictory-topic"


class NoWayIn(UserError):
    """A flow that nothing can start."""

    code = "lock.flow-without-way-in"
    hint = "Give it an endpoint, a cron step, or a step that subscribes to a topic emitted outside of the flow."


class BadCron(UserError):
    """A schedule that cannot be read, or never fires."""

    code = "lock.cron"
    hint = "Five fields: minute hour day-of-month month day-of-week, as in `0 2 * * *` or `*/5 * * * *`."


class BadPath(UserError):
    """An endpoint's path that is not one."""

    code = "lock.path"
    hint = "A path is /literal/:parameter, without a slash at its end."


class NoSource(UserError):
    """A project without any step."""

    code = "lock.no-steps"
    hint = "Steps are files named like src/orders/create_order.step.py; `wistro init` writes an example."


class Meaningless(UserError):
    """A key that Motia had and that means nothing here: it is ignored, and said (a warning)."""

    code = "lock.meaningless"
    hint = "Remove it."


class OpenProject(UserError):
    """`defaults: {public: true}`: every endpoint without `auth` may be called by anybody (a warning)."""

    code = "lock.public-by-default"
    hint = "Remove it and say `public: true` or `auth` at each endpoint."


class StateElsewhere(UserError):
    """State is kept outside of the store, and what that gives up (a warning)."""

    code = "lock.state-elsewhere"
    hint = "`state: {adapter: store}` keeps it in the transaction of what wrote it."


_DESCRIBED = {
    kind.code: kind for kind in (BadConfig, NoConfig, CannotImport, SyntaxMistake, TooSlow, GoMain)
}


def described(code: str, message: str, *, where: str, hint: str | None) -> UserError:
    """The error of the code that a language's describer named."""
    return _DESCRIBED[code](message, where=where, hint=hint or None)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else None


def check_keys(
    given: Iterable[str],
    *,
    known: set[str],
    not_yet: set[str],
    of: str,
    where: dict[str, str],
    above: Mapping[str, str] = MappingProxyType({}),
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> list[UserError]:
    """A problem for each key that is documented but not built, and for each that nothing knows.

    `above`: for a key that may have lost its indentation, the key that it would belong to. `elsewhere`: for a key that
    something else takes, what does.
    """
    found: list[UserError] = []
    for key in given:
        if key in known:
            continue
        if key in not_yet:
            found.append(NotYet(f"`{key}` of {of} is not built yet", where=where[key]))
        else:
            hint = did_you_mean(key, known) or f"{of} takes: {', '.join(sorted(known))}"
            if key in elsewhere:
                hint = f"{elsewhere[key]}. {of} takes: {', '.join(sorted(known))}"
            if key in above:
                hint = f"If it belongs to `{above[key]}`, indent it. Else: {hint}"
            found.append(UnknownKey(f"{of} has no key `{key}`", hint=hint, where=where[key]))
    return found
