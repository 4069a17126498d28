"""How a builder fetches a version's commit: hub/deployments asks when a builder takes the build."""

from __future__ import annotations

from hub.common.tenancy import tenant
from hub.deployments.fetching import Unavailable
from hub.deployments.models import Version
from hub.sources.hosts import choose
from hub.sources.hosts.port import HostAway
from hub.sources.models import Source
from wistro.errors import UserError
from wistro.protocol.machine import GitSource


class Disconnected(UserError):
    """The project's repository was disconnected after the push."""

    code = "source.disconnected"
    hint = "Connect a repository in the project's settings, and push."


def order(version: Version) -> GitSource:
    """Outside any transaction: the host is asked for a token. Raises Unavailable, and UserErrors for good."""
    with tenant(version.organization_id):
        source = (
            Source.objects.select_related("installation").filter(project=version.project_id).first()
        )
    if source is None:
        raise Disconnected("The project has no repository any more")
    host = choose.of(source)
    try:
        return host.order(version.sha, version.branch)
    except HostAway as error:
        raise Unavailable(error.message) from error
