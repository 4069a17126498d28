"""What changes projects: making, naming, removing them; setting and removing variables."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from hub.accounts.models import SLUG_LONGEST, Organization, User
from hub.common import labels
from hub.common.api.errors import Conflict, Invalid, NotFound
from hub.common.sealing import seal
from hub.projects.models import FIRST_ENVIRONMENTS, Environment, Project, Variable
from hub.projects.queries import settings_at
from hub.projects.signals import environment_made, project_removed, variables_changed
from wistro.protocol import variables
from wistro.protocol.ids import new_id

TRIES = 20
RESERVED = frozenset(
    {"settings", "members", "projects", "new"}
)  # beside projects in the screens' addresses
VALUE_LONGEST = 64 * 1024
MOST_VARIABLES = 200


class SlugTaken(Conflict):
    """Another project of the organization has this slug."""

    code = "project.slug-taken"
    hint = "Choose another name or slug; it stands in the project's addresses."


def make_project(name: str, *, slug: str | None, by: User) -> Project:
    """A project with dev, staging and prod, in the scope's organization."""
    wished = slug or labels.from_name(name, longest=SLUG_LONGEST) or f"project-{new_id().hex[-6:]}"
    project = _insert(name, wished, chosen=bool(slug), by=by)
    for environment in FIRST_ENVIRONMENTS:
        made = Environment.objects.create(project=project, name=environment)
        environment_made.send(Environment, environment=made)
    return project


def _insert(name: str, wished: str, *, chosen: bool, by: User) -> Project:
    for number in range(1, 2 if chosen else TRIES):
        label = labels.numbered(wished, number, longest=SLUG_LONGEST)
        if not chosen and labels.is_kept(label, RESERVED):
            continue
        labels.checked(label, field="slug", longest=SLUG_LONGEST, reserved=RESERVED)
        try:
            with transaction.atomic():
                return Project.objects.create(slug=label, name=name, created_by=by)
        except IntegrityError as error:
            if "slug" not in str(error):
                raise
    raise SlugTaken(f"The slug `{wished}` is taken", fields={"slug": "taken"})


def remove_project(project: Project) -> None:
    """With its environments and all that hangs on them."""
    Project.objects.select_for_update().get(pk=project.pk)  # so that no version is made meanwhile
    project_removed.send(Project, project=project)
    project.delete()


def set_variable(
    environment: Environment, name: str, value: str, *, secret: bool, by: User
) -> Variable:
    """A new setting of a name, under the environment's next revision. Nobody is ever shown its value."""
    if not variables.is_name(name):
        wrong = variables.SAID
        raise Invalid(f"`{name[:100]}` is no variable's name: {wrong}", fields={"name": wrong})
    if variables.is_reserved(name):
        wrong = "set by wistro or the system; choose another"
        raise Invalid(f"`{name}` is {wrong}", fields={"name": wrong})
    if len(value.encode()) > VALUE_LONGEST or "\0" in value:
        raise Invalid(
            f"The value of {name} is over 64 KiB or holds NUL",
            fields={"value": "at most 64 KiB, no NUL"},
        )
    environment = _next_revision(environment)
    names = {one.name for one in settings_at(environment)}
    if name not in names and len(names) >= MOST_VARIABLES:
        raise Invalid(
            f"An environment holds at most {MOST_VARIABLES} variables", fields={"name": "too many"}
        )
    made = Variable(
        environment=environment, name=name, revision=environment.revision, secret=secret, set_by=by
    )
    made.sealed = seal(value.encode(), bound_to=made.bound_to)
    return _saved(made)


def remove_variable(environment: Environment, name: str, *, by: User) -> None:
    environment = _next_revision(environment)
    if name not in {one.name for one in settings_at(environment)}:
        raise NotFound(f"There is no variable {name[:100]}")
    _saved(Variable(environment=environment, name=name, revision=environment.revision, set_by=by))


def locked(environment: Environment) -> Environment:
    """The environment's row as it is now, locked until the transaction ends.

    What changes its variables, deployments or weights takes it first, so such changes come one by one; whoever
    also ticks the fleet's clock does that last, or two of them would wait for each other.
    """
    found = Environment.objects.select_for_update(no_key=True).select_related(None)
    return found.get(pk=environment.pk)


def _next_revision(environment: Environment) -> Environment:
    environment = locked(environment)
    environment.revision += 1
    environment.save(update_fields=["revision"])
    return environment


def _saved(variable: Variable) -> Variable:
    variable.save(force_insert=True)
    variable.refresh_from_db()
    environment: Environment = variable.environment
    variables_changed.send(Environment, environment=environment, revision=variable.revision)
    return variable


def organization() -> Organization:
    """The scope's."""
    return Organization.objects.get()
