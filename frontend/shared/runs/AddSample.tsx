import { Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { get, post } from "../api/client";
import type { Dataset, List, RunSummary, SampleSummary } from "../api/types";
import { Choice, Field, formClass, Input } from "../design/forms";
import { Loaded } from "../design/Loaded";
import { Button, Note } from "../design/parts";
import { Refused } from "../design/states";
import { Rows } from "../design/Waiting";
import { Go } from "../shell/Go";
import { usePlace } from "../shell/place";

const NEW = "new";

/** Keeps a run as a sample of a dataset, made on the way if there is none. */
export function AddSample(props: { run: RunSummary; project: string; close: () => void }) {
  const { run, project, close } = props;
  const datasets = useQuery({
    queryKey: ["datasets", project],
    queryFn: ({ signal }) => get<List<Dataset>>(`/api/v1/projects/${project}/datasets`, signal),
  });
  return (
    <Modal opened onClose={close} title="Add this run as a sample">
      <Loaded query={datasets} loading={<Rows count={3} />}>
        {({ items }) => <SampleForm run={run} project={project} datasets={items} close={close} />}
      </Loaded>
    </Modal>
  );
}

function SampleForm(props: { run: RunSummary; project: string; datasets: Dataset[]; close: () => void }) {
  const { run, project, datasets, close } = props;
  const client = useQueryClient();
  const place = usePlace();
  const [dataset, setDataset] = useState(datasets[0]?.id ?? NEW);
  const add = useMutation({
    mutationFn: async (form: FormData) => {
      const into =
        dataset === NEW
          ? (await post<Dataset>(`/api/v1/projects/${project}/datasets`, { name: form.get("new") })).id
          : dataset;
      const tags = String(form.get("tags") ?? "")
        .split(",")
        .map((tag) => tag.trim())
        .filter(Boolean);
      const name = String(form.get("name") ?? "").trim();
      await post<SampleSummary>(`/api/v1/datasets/${into}/samples`, {
        run: run.id,
        ...(name && { name }),
        tags,
      });
      return into;
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["datasets", project] });
      void client.invalidateQueries({ queryKey: ["dataset"] });
    },
  });
  if (add.data) {
    const url = place.url.split("/").slice(0, -1).join("/");
    return (
      <div className={formClass}>
        <Note tone="good">Added. It holds every attempt, emit, state read and the clock.</Note>
        <div>
          <Go className="link" to={`${url}/datasets/${add.data}`} onClick={close}>
            Open the dataset
          </Go>
        </div>
      </div>
    );
  }
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate(new FormData(event.currentTarget));
  };
  return (
    <form className={formClass} onSubmit={submit}>
      <Refused error={add.error} />
      <Field id="dataset" label="Dataset">
        <Choice id="dataset" value={dataset} onChange={(event) => setDataset(event.target.value)}>
          {datasets.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
          <option value={NEW}>A new dataset…</option>
        </Choice>
      </Field>
      {dataset === NEW && (
        <Field id="new" label="Its name">
          <Input id="new" name="new" required maxLength={60} autoComplete="off" />
        </Field>
      )}
      <Field id="name" label="Name of the sample" hint="Optional: what makes this run worth keeping">
        <Input id="name" name="name" maxLength={120} autoComplete="off" data-autofocus />
      </Field>
      <Field id="tags" label="Tags" hint="Separated by commas">
        <Input id="tags" name="tags" autoComplete="off" />
      </Field>
      <div>
        <Button look="main" type="submit" disabled={add.isPending}>
          Add sample
        </Button>
      </div>
    </form>
  );
}
