import { get, post, put } from "@shared/api/client";
import { explain, wrongWith } from "@shared/api/failure";
import type { Project, Source } from "@shared/api/types";
import { CopyLine } from "@shared/design/Copy";
import { Choice, Field, formClass, Input, Segments } from "@shared/design/forms";
import { Loaded } from "@shared/design/Loaded";
import { Button, Note } from "@shared/design/parts";
import { Refused } from "@shared/design/states";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { urlOf } from "../app/context";
import css from "./settings.module.css";

type Way = "github" | "git" | "command";

/** The ways in: a GitHub repository, any git URL, a folder. */
export function SourcePicker({ project, withCommand }: { project: Project; withCommand?: boolean }) {
  const [way, setWay] = useState<Way>(project.source.kind === "git" ? "git" : "github");
  const ways: [Way, string][] = [
    ["github", "GitHub"],
    ["git", "Any git URL"],
    ...(withCommand ? ([["command", "A folder"]] as [Way, string][]) : []),
  ];
  return (
    <div className={css.pad}>
      <Segments label="Where the code is">
        {ways.map(([value, label]) => (
          <button key={value} type="button" aria-pressed={way === value} onClick={() => setWay(value)}>
            {label}
          </button>
        ))}
      </Segments>
      {way === "github" && <GitHub project={project} />}
      {way === "git" && <AnyGit project={project} />}
      {way === "command" && <Folder project={project} />}
    </div>
  );
}

/** Why pushes are not heard of at once, in words; null when they are. */
export function problemOf({ problem }: Source): string | null {
  return typeof problem === "string" ? problem : (problem?.message ?? null);
}

function Folder({ project }: { project: Project }) {
  return (
    <div className={css.lines}>
      <p className="quiet">Once, in a checkout of wistro, for the command itself:</p>
      <CopyLine text="pip install ." />
      <p className="quiet">Then in the folder with your steps:</p>
      <CopyLine text={`wistro login --hub ${location.origin}`} />
      <CopyLine text={`wistro deploy --project ${urlOf(project).slice(1)}`} />
    </div>
  );
}

function GitHub({ project }: { project: Project }) {
  const start = useMutation({
    mutationFn: () => post<{ redirect_url: string }>(`/api/v1/projects/${project.id}/source/github/start`),
    onSuccess: ({ redirect_url }) => location.assign(redirect_url),
  });
  const installed = project.source.kind === "github";
  return (
    <div className={css.lines}>
      <p className="quiet">
        Every push builds a version; the result is set back on the commit. wistro reads the code and sets
        checks, nothing else.
      </p>
      <Refused error={start.error} />
      <div>
        <Button look="main" icon="github" disabled={start.isPending} onClick={() => start.mutate()}>
          {installed ? "Change the installation" : "Connect GitHub"}
        </Button>
      </div>
      <p className="quiet">
        {installed ? "A repository is not listed? " : "The App is installed on GitHub already? "}
        <a href={`/github/authorize?project=${project.id}`}>Authorize it</a>
      </p>
      {installed && <Repositories project={project} />}
    </div>
  );
}

function Repositories({ project }: { project: Project }) {
  const client = useQueryClient();
  const query = useQuery({
    queryKey: ["repositories", project.id],
    queryFn: ({ signal }) =>
      get<{ items: (string | { full_name: string })[] }>(
        `/api/v1/projects/${project.id}/source/github/repositories`,
        signal,
      ),
  });
  const choose = useMutation({
    mutationFn: (repository: string) =>
      put<Source>(`/api/v1/projects/${project.id}/source/github`, { repository }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["project"] }),
  });
  return (
    <Loaded query={query}>
      {({ items }) => (
        <Field id="repository" label="Repository" wrong={choose.error ? explain(choose.error) : undefined}>
          <Choice
            id="repository"
            value={project.source.repository ?? ""}
            disabled={choose.isPending}
            onChange={(event) => choose.mutate(event.target.value)}
          >
            <option value="" disabled>
              Choose a repository
            </option>
            {items.map((item) => {
              const name = typeof item === "string" ? item : item.full_name;
              return (
                <option key={name} value={name}>
                  {name}
                </option>
              );
            })}
          </Choice>
        </Field>
      )}
    </Loaded>
  );
}

function AnyGit({ project }: { project: Project }) {
  const client = useQueryClient();
  const connect = useMutation({
    mutationFn: (body: { url: string; branch?: string }) =>
      put<{ webhook_url: string; webhook_secret: string }>(`/api/v1/projects/${project.id}/source/git`, body),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["project"] }),
  });
  const [wrongUrl, wrongBranch] = [wrongWith(connect.error, "url"), wrongWith(connect.error, "branch")];
  if (connect.data) {
    return (
      <div className={css.lines}>
        <Note tone="good">
          Connected. Its branches are read every minute; a webhook makes that at once. The secret is shown
          this once.
        </Note>
        <CopyLine text={connect.data.webhook_url} />
        <CopyLine text={connect.data.webhook_secret} />
      </div>
    );
  }
  return (
    <form
      className={formClass}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const branch = String(form.get("branch") ?? "");
        connect.mutate({ url: String(form.get("url")), ...(branch ? { branch } : {}) });
      }}
    >
      {!wrongUrl && !wrongBranch && <Refused error={connect.error} />}
      <Field id="url" label="Repository URL" wrong={wrongUrl} hint="https, readable without signing in">
        <Input id="url" name="url" type="url" required placeholder="https://git.example.com/shop.git" />
      </Field>
      <Field id="branch" label="Default branch" wrong={wrongBranch} hint="Its pushes go to prod">
        <Input id="branch" name="branch" placeholder="main" autoComplete="off" />
      </Field>
      <div>
        <Button look="main" type="submit" disabled={connect.isPending}>
          {connect.isPending ? "Reading the repository…" : "Connect"}
        </Button>
      </div>
    </form>
  );
}
