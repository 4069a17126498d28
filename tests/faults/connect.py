"""Connects the demo's project to a repository on the double of GitHub, as its owner's way through the pages would.

A process of the Hub's, like `manage.py make_demo`: `python -m tests.faults.connect manifest` prints what the App is to
be; `... connect CODE INSTALLATION USER_CODE REPOSITORY` makes it and connects.
"""

from __future__ import annotations

import json
import os
import sys

import django


def connect(code: str, installation: str, user_code: str, repository: str) -> None:
    from hub.accounts.models import User
    from hub.common import doors
    from hub.common.tenancy import tenant
    from hub.projects.management.commands.make_demo import EMAIL, ORGANIZATION, PROJECT
    from hub.projects.models import Project
    from hub.sources import app, connecting

    user = User.objects.get(email=EMAIL)
    place = doors.organization_called(ORGANIZATION, user.pk)
    assert place is not None
    app.make(code, by=user)
    with tenant(place.organization_id):
        project = Project.objects.get(slug=PROJECT)
        text = connecting.new_state(project, user, "faults", purpose=connecting.INSTALL)
    state = connecting.check_state(text, user, "faults", purpose=connecting.INSTALL, use=True)
    connecting.installed(state, installation=installation, code=user_code)
    connecting.choose(project.pk, repository, by=user, organization_id=place.organization_id)


def main(arguments: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    django.setup()
    if arguments == ["manifest"]:
        from hub.sources import app

        print(json.dumps(app.manifest()))
    else:
        connect(*arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
