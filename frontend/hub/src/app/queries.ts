// Reads that more than one screen shares.
import { get } from "@shared/api/client";
import type { List, Member, Organization, Project } from "@shared/api/types";
import { queryOptions } from "@tanstack/react-query";

export const projectQuery = (organization: string, slug: string) =>
  queryOptions({
    queryKey: ["project", organization, slug],
    queryFn: ({ signal }) => get<Project>(`/api/v1/organizations/${organization}/projects/${slug}`, signal),
  });

export const projectsQuery = (organization: string) =>
  queryOptions({
    queryKey: ["projects", organization],
    queryFn: ({ signal }) => get<List<Project>>(`/api/v1/organizations/${organization}/projects`, signal),
  });

export const organizationQuery = (slug: string) =>
  queryOptions({
    queryKey: ["organization", slug],
    queryFn: ({ signal }) => get<Organization>(`/api/v1/organizations/${slug}`, signal),
  });

export const membersQuery = (slug: string) =>
  queryOptions({
    queryKey: ["members", slug],
    queryFn: ({ signal }) => get<List<Member>>(`/api/v1/organizations/${slug}/members`, signal),
  });
