"""/me, /organizations, their members, /tokens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from hub.accounts import actions
from hub.accounts.models import SLUG_LONGEST, Member, Organization, Token
from hub.common import doors
from hub.common.api.access import ANY_SCOPE, member, owner, signed_in
from hub.common.api.errors import NotByToken
from hub.common.api.ids import PublicId
from hub.common.api.pages import page
from hub.common.api.views import HubView, no_content
from hub.common.tenancy import tenant


class UserShape(serializers.Serializer):
    id = PublicId("user", source="pk")
    email = serializers.EmailField()
    name = serializers.CharField()


class OrganizationShape(serializers.Serializer):
    id = PublicId("organization", source="pk")
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField()


class TokenShape(serializers.Serializer):
    id = PublicId("token", source="pk")
    name = serializers.CharField()
    ending = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)


class MeShape(serializers.Serializer):
    user = UserShape()
    organizations = OrganizationShape(many=True)
    token = TokenShape(allow_null=True)  # the one that asks, null in a browser


class MeChange(serializers.Serializer):
    name = serializers.CharField(max_length=100, allow_blank=True)


class OrganizationWish(serializers.Serializer):
    name = serializers.CharField(max_length=100)
    slug = serializers.CharField(max_length=SLUG_LONGEST, required=False)


class MemberShape(serializers.Serializer):
    user = UserShape()
    role = serializers.CharField()
    added_at = serializers.DateTimeField()


class MemberWish(serializers.Serializer):
    email = serializers.EmailField()
    role = serializers.ChoiceField(actions.ROLES, default=actions.MEMBER)


class MemberPage(serializers.Serializer):
    items = MemberShape(many=True)
    next = serializers.CharField(allow_null=True)


class TokenPage(serializers.Serializer):
    items = TokenShape(many=True)
    next = serializers.CharField(allow_null=True)


class Me(HubView):
    access = {"GET": signed_in(ANY_SCOPE), "PATCH": signed_in()}

    @extend_schema(responses=MeShape)
    def get(self, request: Request) -> Response:
        organizations = [_organization(one) for one in doors.memberships_of(request.user.pk)]
        token = request.auth if isinstance(request.auth, Token) else None
        found = {
            "user": request.user,
            "organizations": sorted(organizations, key=lambda one: one["name"].lower()),
            "token": token,
        }
        return Response(MeShape(found).data)

    @extend_schema(request=MeChange, responses=MeShape)
    def patch(self, request: Request) -> Response:
        request.user.name = self.body(MeChange)["name"]
        request.user.save(update_fields=["name"])
        return self.get(request)


def _organization(place: doors.Place) -> dict[str, Any]:
    with tenant(place.organization_id):
        return shown(Organization.objects.get(), place.role)


def shown(organization: Organization, role: str) -> dict[str, Any]:
    return {
        "pk": organization.pk,
        "slug": organization.slug,
        "name": organization.name,
        "role": role,
    }


class Organizations(HubView):
    access = {"POST": signed_in("projects:write")}

    @extend_schema(request=OrganizationWish, responses={201: OrganizationShape})
    def post(self, request: Request) -> Response:
        wish = self.body(OrganizationWish)
        made = actions.make_organization(wish["name"], slug=wish.get("slug"), by=request.user)
        return Response(OrganizationShape(shown(made, actions.OWNER)).data, status=201)


class OneOrganization(HubView):
    access = {"GET": member("projects:read")}

    @extend_schema(responses=OrganizationShape)
    def get(self, request: Request, organization: str) -> Response:
        return Response(OrganizationShape(shown(Organization.objects.get(), self.role)).data)


class Members(HubView):
    access = {"GET": member(), "POST": owner()}

    @extend_schema(responses=MemberPage)
    def get(self, request: Request, organization: str) -> Response:
        found = Member.objects.select_related("user")
        return Response(page(request, found, lambda one: MemberShape(one).data, newest_first=False))

    @extend_schema(request=MemberWish, responses={201: MemberShape})
    def post(self, request: Request, organization: str) -> Response:
        wish = self.body(MemberWish)
        made = actions.set_member(wish["email"], wish["role"], by=request.user)
        made.refresh_from_db()
        return Response(MemberShape(made).data, status=201)


class OneMember(HubView):
    access = {"DELETE": owner()}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, organization: str, user: UUID) -> Response:
        actions.remove_member(user)
        return no_content()


class Tokens(HubView):
    access = {"GET": signed_in()}

    @extend_schema(responses=TokenPage)
    def get(self, request: Request) -> Response:
        return Response(page(request, request.user.tokens.all(), lambda one: TokenShape(one).data))


class OneToken(HubView):
    """Revoking: any of one's own in a browser; a token only itself (`wistro logout`)."""

    access = {"DELETE": signed_in(ANY_SCOPE)}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, token: UUID) -> Response:
        if isinstance(request.auth, Token) and request.auth.pk != token:
            raise NotByToken("A token may revoke only itself")
        get_object_or_404(Token, pk=token, user=request.user).delete()
        return no_content()
