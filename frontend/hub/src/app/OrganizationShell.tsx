// The frame outside a project: the organization's screens, the fleet, a new project.
import { NotFound } from "@shared/shell/ErrorScreen";
import { type NavGroup, Shell } from "@shared/shell/Shell";
import { Outlet, useParams } from "@tanstack/react-router";
import { useMe } from "../accounts/me";
import { OrganizationCrumb } from "./Crumbs";
import { UserMenu } from "./UserMenu";

export function Frameless() {
  const { organizations } = useMe();
  const params = useParams({ strict: false }) as { org?: string };
  const slug = params.org ?? organizations[0]?.slug;
  const isMine = !params.org || organizations.some((each) => each.slug === params.org);
  const groups: NavGroup[] = [
    ...(slug && isMine
      ? [
          {
            label: "Organization",
            links: [
              { to: `/${slug}`, label: "Projects", icon: "overview" as const, keys: "g o", exact: true },
              { to: `/${slug}/settings`, label: "Settings", icon: "settings" as const, keys: "g s" },
            ],
          },
        ]
      : []),
    {
      label: "Hub",
      links: [
        { to: "/fleet", label: "Fleet", icon: "fleet" },
        { to: "/new", label: "New project", icon: "plus", keys: "g n" },
      ],
    },
  ];
  return (
    <Shell
      crumbs={slug && isMine ? <OrganizationCrumb slug={slug} /> : null}
      groups={groups}
      end={<UserMenu />}
    >
      {isMine ? <Outlet /> : <NotFound />}
    </Shell>
  );
}
