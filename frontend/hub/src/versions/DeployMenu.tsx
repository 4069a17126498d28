import { Menu } from "@mantine/core";
import { post } from "@shared/api/client";
import type { Project, Version } from "@shared/api/types";
import { Button } from "@shared/design/parts";
import { Refused } from "@shared/design/states";
import { useGo } from "@shared/shell/Go";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { urlOf } from "../app/context";

/** Puts a ready version into an environment. It promotes there, unless the environment holds its weights. */
export function DeployMenu({ project, version }: { project: Project; version: Version }) {
  const client = useQueryClient();
  const go = useGo();
  const deploy = useMutation({
    mutationFn: ({ id }: { id: string; name: string }) =>
      post(`/api/v1/environments/${id}/deployments`, { version: version.number }),
    onSuccess: async (_, { name }) => {
      await client.invalidateQueries({ queryKey: ["versions", project.id] });
      await client.invalidateQueries({ queryKey: ["project"] });
      go(`${urlOf(project)}/${name}/traffic`);
    },
  });
  return (
    <>
      <Refused error={deploy.error} />
      <Menu position="bottom-end">
        <Menu.Target>
          <Button look="main" disabled={version.state !== "ready" || deploy.isPending}>
            Deploy to…
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {project.environments.map((environment) => (
            <Menu.Item key={environment.id} onClick={() => deploy.mutate(environment)}>
              {environment.name}
              {environment.holds ? " at 0 %: it holds its weights" : ""}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
