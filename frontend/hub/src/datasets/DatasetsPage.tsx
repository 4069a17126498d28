import { get, post } from "@shared/api/client";
import { explain, wrongWith } from "@shared/api/failure";
import type { Dataset, List } from "@shared/api/types";
import { count } from "@shared/design/format";
import { Field, Input, rowClass } from "@shared/design/forms";
import { Loaded } from "@shared/design/Loaded";
import { Button, Page, PageHead, Panel } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { When } from "@shared/design/When";
import { Go, useGo } from "@shared/shell/Go";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { urlOf, useProject } from "../app/context";
import css from "./datasets.module.css";

export function DatasetsPage() {
  const project = useProject();
  const [making, setMaking] = useState(false);
  const url = `${urlOf(project)}/datasets`;
  const query = useQuery({
    queryKey: ["datasets", project.id],
    queryFn: ({ signal }) => get<List<Dataset>>(`/api/v1/projects/${project.id}/datasets`, signal),
  });
  return (
    <Page>
      <PageHead title="Datasets" about="Recorded runs, kept whole, to replay locally against changed code.">
        <Button icon="plus" onClick={() => setMaking(!making)} aria-expanded={making}>
          New dataset
        </Button>
      </PageHead>
      {making && <NewDataset />}
      <Panel flush>
        <Loaded query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No dataset yet" command="wistro datasets pull <name>">
                Open a run and choose &ldquo;Add as sample&rdquo;; a dataset is made on the way. This command
                then brings it to your machine.
              </Empty>
            ) : (
              items.map((dataset) => (
                <Go key={dataset.id} to={`${url}/${dataset.id}`} className={css.row}>
                  <span className="clip">
                    <strong>{dataset.name}</strong> <span className="quiet">{dataset.description}</span>
                  </span>
                  <span className={css.right}>{count(dataset.samples, "sample")}</span>
                  <span className={css.right}>
                    <When at={dataset.created_at} />
                  </span>
                </Go>
              ))
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function NewDataset() {
  const project = useProject();
  const client = useQueryClient();
  const go = useGo();
  const create = useMutation({
    mutationFn: (body: { name: string; description?: string }) =>
      post<Dataset>(`/api/v1/projects/${project.id}/datasets`, body),
    onSuccess: async ({ id }) => {
      await client.invalidateQueries({ queryKey: ["datasets", project.id] });
      go(`${urlOf(project)}/datasets/${id}`);
    },
  });
  const wrongAbout = wrongWith(create.error, "description");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const description = String(form.get("description"));
    create.mutate({ name: String(form.get("name")), ...(description && { description }) });
  };
  return (
    <Panel title="New dataset">
      <form className={rowClass} onSubmit={submit}>
        <Field
          id="name"
          label="Name"
          wrong={
            create.error && !wrongAbout
              ? (wrongWith(create.error, "name") ?? explain(create.error))
              : undefined
          }
        >
          <Input id="name" name="name" required autoFocus maxLength={60} autoComplete="off" />
        </Field>
        <Field id="description" label="What it is for" wrong={wrongAbout}>
          <Input id="description" name="description" maxLength={200} autoComplete="off" />
        </Field>
        <Button look="main" type="submit" disabled={create.isPending}>
          Make dataset
        </Button>
      </form>
    </Panel>
  );
}
