"""From heads to versions: told by a webhook or seen on the host, each push becomes a version once.

Both lock the source's row, so that they come one after the other; what is counted is in models.Head.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from django.db.models.functions import Now

from hub.deployments import versions
from hub.projects.models import Environment
from hub.sources.hosts.port import About, Refs, is_branch
from hub.sources.models import Head, Ref, Source

log = structlog.get_logger()


def locked(source: Source) -> Source:
    return Source.objects.select_for_update(of=("self",)).get(pk=source.pk)


def tell(source: Source, branch: str, sha: str, about: About) -> None:
    """A webhook says that this was pushed. What is deployed of it is decided by what the host shows, in `see`."""
    if not is_branch(branch):
        log.warning("source.no-branch", source=str(source.pk), branch=branch[:80])
        return
    head = _head(locked(source), branch, sha)
    head.told += 1
    _make(source, head, about)


def see(source: Source, refs: Refs, about: Mapping[str, About]) -> None:
    """The host shows these heads. The first time, only branches that lead to an environment become versions."""
    known = heads_of(source)
    is_first = source.read_at is None
    news = {branch: sha for branch, sha in refs.heads.items() if known.get(branch) != sha}
    _keep(source, news)
    order = sorted(news, key=lambda branch: (branch != source.default_branch, branch))
    if is_first:
        leading = _leading(source)
        order = [branch for branch in order if branch in leading]
    for branch in order:
        sha = news[branch]
        head = _head(source, branch, sha)
        head.seen += 1
        _make(source, head, about.get(sha, About()))
    Ref.objects.filter(source=source, branch__in=set(known) - set(refs.heads)).delete()


def _leading(source: Source) -> set[str]:
    """The branches that lead to an environment."""
    named = Environment.objects.filter(project=source.project).values_list("name", flat=True)
    asked = {source.default_branch, *named}
    return {branch for branch in asked if _environment(source, branch) is not None}


def _keep(source: Source, heads: Mapping[str, str]) -> None:
    """In as many statements for thousands of branches as for one."""
    Ref.objects.bulk_create(
        [
            Ref(source=source, branch=branch, head=sha, seen_at=Now())
            for branch, sha in heads.items()
        ],
        update_conflicts=True,
        unique_fields=["source", "branch"],
        update_fields=["head", "seen_at"],
        batch_size=1_000,
    )


def promote(source: Source, environment: Environment) -> None:
    """Its branch's head takes the traffic, if its version got ready before the host showed that it is the head."""
    locked(source)
    name = environment.name
    branch = source.default_branch if name == "prod" else name
    head = Ref.objects.filter(source=source, branch=branch).values_list("head", flat=True).first()
    if head is not None and _environment(source, branch) == environment:
        versions.promote_head(source.project, branch=branch, sha=head)


def heads_of(source: Source) -> dict[str, str]:
    """As they were last read."""
    return dict(Ref.objects.filter(source=source).values_list("branch", "head"))


def _head(source: Source, branch: str, sha: str) -> Head:
    return Head.objects.get_or_create(source=source, branch=branch, sha=sha)[0]


def _make(source: Source, head: Head, about: About) -> None:
    to = _environment(source, head.branch)
    while head.made < max(head.told, head.seen):
        head.made += 1
        versions.push(
            source.project, branch=head.branch, sha=head.sha, telling=_telling(source, head), to=to,
            message=about.message, author=about.author, committed_at=about.committed_at,
        )  # fmt: skip
    head.save(update_fields=["told", "seen", "made"])


def _telling(source: Source, head: Head) -> str:
    return f"{source.pk.hex}.{head.made}"


def _environment(source: Source, branch: str) -> Environment | None:
    return versions.environment_for(
        source.project, branch=branch, default_branch=source.default_branch
    )
