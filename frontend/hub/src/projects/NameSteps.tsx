import { post } from "@shared/api/client";
import { wrongWith } from "@shared/api/failure";
import type { Organization, Project } from "@shared/api/types";
import { Choice, Field, formClass, Input } from "@shared/design/forms";
import { Button, Panel } from "@shared/design/parts";
import { Refused } from "@shared/design/states";
import { useGo } from "@shared/shell/Go";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { meQuery } from "../accounts/me";
import { slugOf } from "./slug";

export function OrganizationStep() {
  const client = useQueryClient();
  const go = useGo();
  const create = useMutation({
    mutationFn: (body: { name: string; slug: string }) => post<Organization>("/api/v1/organizations", body),
    onSuccess: async ({ slug }) => {
      await client.refetchQueries({ queryKey: meQuery.queryKey });
      go("/new", { in: slug }, true);
    },
  });
  return (
    <NameForm
      title="Name your organization"
      hint="A company or team: it owns projects, and its members see them."
      address={(slug) => `…--${slug || "acme"}`}
      button="Create organization"
      error={create.error}
      sending={create.isPending}
      send={(name, slug) => create.mutate({ name, slug })}
    />
  );
}

export function ProjectStep(props: { organizations: Organization[]; chosen: Organization }) {
  const { organizations, chosen } = props;
  const client = useQueryClient();
  const go = useGo();
  const create = useMutation({
    mutationFn: (body: { name: string; slug: string }) =>
      post<Project>(`/api/v1/organizations/${chosen.slug}/projects`, body),
    onSuccess: (project) => {
      void client.invalidateQueries({ queryKey: ["projects", chosen.slug] });
      go("/new", { in: chosen.slug, project: project.slug }, true);
    },
  });
  return (
    <NameForm
      title="Name the project"
      hint="It gets three environments: dev, staging and prod."
      address={(slug) => `prod--${slug || "shop"}--${chosen.slug}`}
      button="Create project"
      error={create.error}
      sending={create.isPending}
      send={(name, slug) => create.mutate({ name, slug })}
    >
      {organizations.length > 1 && (
        <Field id="in" label="In organization">
          <Choice
            id="in"
            value={chosen.slug}
            onChange={(event) => go("/new", { in: event.target.value }, true)}
          >
            {organizations.map(({ slug, name }) => (
              <option key={slug} value={slug}>
                {name}
              </option>
            ))}
          </Choice>
        </Field>
      )}
    </NameForm>
  );
}

function NameForm(props: {
  title: string;
  hint: string;
  address: (slug: string) => string;
  button: string;
  error: Error | null;
  sending: boolean;
  send: (name: string, slug: string) => void;
  children?: React.ReactNode;
}) {
  const [name, setName] = useState("");
  const unnamed =
    name.trim() && !slugOf(name) ? "Its address needs a letter from a to z, or a digit" : undefined;
  const wrong = unnamed ?? wrongWith(props.error, "name") ?? wrongWith(props.error, "slug");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.send(name.trim(), slugOf(name));
  };
  return (
    <Panel title={props.title}>
      <form className={formClass} onSubmit={submit}>
        <p className="quiet">{props.hint}</p>
        {!wrong && <Refused error={props.error} />}
        {props.children}
        <Field
          id="name"
          label="Name"
          wrong={wrong}
          hint={
            <>
              Endpoints will be called <code>{props.address(slugOf(name))}</code>
            </>
          }
        >
          <Input
            id="name"
            autoFocus
            autoComplete="off"
            required
            maxLength={60}
            value={name}
            aria-invalid={wrong ? true : undefined}
            onChange={(event) => setName(event.target.value)}
          />
        </Field>
        <div>
          <Button look="main" type="submit" disabled={props.sending || !slugOf(name)}>
            {props.button}
          </Button>
        </div>
      </form>
    </Panel>
  );
}
