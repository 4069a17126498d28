"""Which adapter a source's host has. The source comes with its installation, so this needs no tenant's scope."""

from __future__ import annotations

from hub.sources import app
from hub.sources.hosts.git import GitHost
from hub.sources.hosts.github import GitHubHost
from hub.sources.hosts.port import Host, NoAccess
from hub.sources.models import Source


class NotInstalled(NoAccess):
    """The App's installation is gone or suspended, so nothing of GitHub can be read."""

    code = "source.not-installed"
    hint = "Install it again: Settings, Code, Change the installation."


def of(source: Source) -> Host:
    """Raises NotInstalled, NoApp."""
    if source.kind == "git":
        return GitHost(source.url)
    installation = source.installation
    if installation is None or installation.gone_at or source.repository_id is None:
        raise NotInstalled("The App is not installed on GitHub any more")
    if installation.suspended_at:
        raise NotInstalled(f"The App's installation on {installation.account} is suspended")
    return GitHubHost(
        app.needed(), installation.installation_id, source.repository_id, source.repository
    )
