"""`HubView`: a DRF view that admits who its `access` names and works inside that organization's scope."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from hub.common import doors
from hub.common.api.access import ANY_SCOPE, Access
from hub.common.api.errors import NotAllowed, NotByToken, NotFound, SignIn
from hub.common.api.ids import KINDS
from hub.common.tenancy import tenant

ABOUT_AN_ORGANIZATION = ("member", "owner")


class HubView(APIView):
    """Say `access`; get `self.organization_id` and `self.role`, and querysets of that organization only.

    The organization is that of the route's first keyword: `organization` (a slug) or the kind of an id.
    Whoever is no member of it is told 404, whether it exists or not.
    """

    access: ClassVar[Mapping[str, Access]] = {}
    organization_id: UUID
    role: str

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as self._scopes:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if (access := self.access.get(self.asked(request))) is None:
            raise MethodNotAllowed(str(request.method))
        self.admit(request, access)

    @staticmethod
    def asked(request: Request) -> str:
        return "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)

    def admit(self, request: Request, access: Access) -> None:
        """Let the request in or raise; afterwards the tenant's scope is set where the route is about one."""
        if access.who in ("anonymous", "signed"):
            return
        if access.who == "machine":
            if getattr(request.auth, "kind", None) not in access.kinds:
                raise SignIn("This route is for machines of ours, with their token", hint="")
            return
        if not request.user.is_authenticated:
            raise SignIn("You are not signed in")
        if access.who in ABOUT_AN_ORGANIZATION:
            self.enter(self.place(request.user.pk))
            if access.who == "owner" and self.role != "owner":
                raise NotAllowed(
                    "Only an owner of the organization may do this", hint="Ask an owner."
                )
        self._check_scope(request, access)

    def place(self, user_id: UUID) -> doors.Place:
        """The organization that the route is about, if this user is in it; NotFound otherwise."""
        found = None
        name = next(one for one in self.kwargs if one == "organization" or one in KINDS)
        if name == "organization":
            found = doors.organization_called(self.kwargs[name], user_id)
        else:
            found = doors.organization_of(name, self.kwargs[name], user_id)
        if found is None:
            raise NotFound("There is nothing here")
        return found

    def enter(self, place: doors.Place) -> None:
        self.organization_id = self._scopes.enter_context(tenant(place.organization_id))
        self.role = place.role

    def _check_scope(self, request: Request, access: Access) -> None:
        scopes = getattr(request.auth, "scopes", None)
        if (
            scopes is None or access.scope == ANY_SCOPE
        ):  # a browser's session, or a route for any token
            return
        if access.scope is None:
            raise NotByToken("This is done in the Hub's own pages, not with a token")
        if access.scope not in scopes:
            raise NotByToken(f"The token lacks the scope `{access.scope}`")

    def body(self, serializer: type[BaseSerializer], **kwargs: Any) -> dict[str, Any]:
        """The request's body, checked by a serializer; raises what becomes 422 with the fields."""
        read = serializer(data=self.request.data, **kwargs)
        read.is_valid(raise_exception=True)
        checked: Any = read.validated_data
        return checked


def no_content() -> Response:
    return Response(status=204)
