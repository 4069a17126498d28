import { Menu } from "@mantine/core";
import type { Project } from "@shared/api/types";
import { Icon } from "@shared/design/icons";
import { useGo } from "@shared/shell/Go";
import css from "@shared/shell/shell.module.css";
import { useQuery } from "@tanstack/react-query";
import { useMe } from "../accounts/me";
import { projectsQuery } from "./queries";

export function OrganizationCrumb({ slug }: { slug: string }) {
  const { organizations } = useMe();
  const go = useGo();
  const here = organizations.find((organization) => organization.slug === slug);
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <button type="button" className={css.crumb}>
          <span>{here?.name ?? slug}</span>
          <Icon name="down" size={12} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Organizations</Menu.Label>
        {organizations.map((organization) => (
          <Menu.Item key={organization.id} onClick={() => go(`/${organization.slug}`)}>
            {organization.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => go("/new", { organization: "new" })}>New organization</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function ProjectCrumb({ project }: { project: Project }) {
  const slug = project.organization.slug;
  const projects = useQuery(projectsQuery(slug));
  const go = useGo();
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <button type="button" className={css.crumb}>
          <span>{project.name}</span>
          <Icon name="down" size={12} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Projects</Menu.Label>
        {projects.data?.items.map((each) => (
          <Menu.Item key={each.id} onClick={() => go(`/${slug}/${each.slug}`)}>
            {each.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => go("/new", { in: slug })}>New project</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
