import { patch, post, remove } from "@shared/api/client";
import { explain } from "@shared/api/failure";
import type { Project } from "@shared/api/types";
import { Id } from "@shared/design/Copy";
import { Field, Input, rowClass } from "@shared/design/forms";
import { Badge, Button, Note, Page, PageHead, Panel } from "@shared/design/parts";
import { Refused } from "@shared/design/states";
import { Facts } from "@shared/design/tables";
import { useRefresh } from "@shared/live/react";
import { useGo } from "@shared/shell/Go";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { Confirm } from "../app/Confirm";
import { useProject } from "../app/context";
import { problemOf, SourcePicker } from "./SourcePicker";

export function ProjectSettings() {
  const project = useProject();
  useRefresh(`source:${project.id}`, ["project", project.organization.slug, project.slug]);
  return (
    <Page>
      <PageHead title="Project settings" />
      <Name project={project} />
      <Panel flush title="Code">
        <SourceState project={project} />
        <SourcePicker key={project.source.kind} project={project} />
      </Panel>
      <Danger project={project} />
    </Page>
  );
}

function useSaved() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: ["project"] });
}

function Name({ project }: { project: Project }) {
  const saved = useSaved();
  const save = useMutation({
    mutationFn: (name: string) => patch<Project>(`/api/v1/projects/${project.id}`, { name }),
    onSuccess: saved,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(String(new FormData(event.currentTarget).get("name")).trim());
  };
  return (
    <Panel title="Name" side={<Id id={project.id} />}>
      <form className={rowClass} onSubmit={submit}>
        <Field
          id="project-name"
          label="Name"
          wrong={save.error ? explain(save.error) : undefined}
          hint={`Addresses keep ${project.slug}, so nothing that calls them breaks.`}
        >
          <Input id="project-name" name="name" defaultValue={project.name} required maxLength={60} />
        </Field>
        <Button type="submit" disabled={save.isPending}>
          {save.isSuccess ? "Saved" : "Save"}
        </Button>
      </form>
    </Panel>
  );
}

function SourceState({ project }: { project: Project }) {
  const { source } = project;
  const saved = useSaved();
  const refresh = useMutation({
    mutationFn: () => post(`/api/v1/projects/${project.id}/source/refresh`),
    onSuccess: saved,
  });
  const disconnect = useMutation({
    mutationFn: () => remove(`/api/v1/projects/${project.id}/source`),
    onSuccess: saved,
  });
  if (source.kind === "none") return null;
  const problem = problemOf(source);
  const error = refresh.error ?? disconnect.error;
  return (
    <div style={{ padding: 16, display: "flex", flexDirection: "column", gap: 12 }}>
      {problem && <Note tone="wait">{problem}</Note>}
      <Refused error={error} />
      <Facts
        rows={[
          ["Repository", source.repository ?? "not chosen yet"],
          ["Default branch", source.default_branch ?? "–"],
          [
            "State",
            <Badge key="state" tone={problem ? "wait" : "good"} bare>
              {source.state ?? "connected"}
            </Badge>,
          ],
        ]}
      />
      <div style={{ display: "flex", gap: 8 }}>
        <Button size="small" disabled={refresh.isPending} onClick={() => refresh.mutate()}>
          Read its branches now
        </Button>
        <Confirm
          label="Disconnect"
          question="Disconnect the repository? Pushes build nothing then; versions stay."
          act={() => disconnect.mutate()}
        />
      </div>
    </div>
  );
}

function Danger({ project }: { project: Project }) {
  const client = useQueryClient();
  const go = useGo();
  const drop = useMutation({
    mutationFn: () => remove(`/api/v1/projects/${project.id}`),
    onSuccess: () => {
      go(`/${project.organization.slug}`);
      void client.invalidateQueries({ queryKey: ["projects"] });
      client.removeQueries({ queryKey: ["project"] });
    },
  });
  return (
    <Panel title="Delete">
      <Refused error={drop.error} />
      <div style={{ display: "flex", flexWrap: "wrap", gap: 12, alignItems: "center" }}>
        <p className="quiet" style={{ flex: "1 1 260px" }}>
          Its environments stop, its addresses answer 404, its runs and datasets go.
        </p>
        <Confirm
          label="Delete project"
          question={`Delete ${project.name}? This cannot be undone.`}
          act={() => drop.mutate()}
        />
      </div>
    </Panel>
  );
}
