import { get, post, remove } from "@shared/api/client";
import { explain, wrongWith } from "@shared/api/failure";
import type { List, Variable } from "@shared/api/types";
import { Field, Input } from "@shared/design/forms";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Button, Page, PageHead, Panel } from "@shared/design/parts";
import { Empty, Refused } from "@shared/design/states";
import { Table } from "@shared/design/tables";
import { When } from "@shared/design/When";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { Confirm } from "../app/Confirm";
import { useEnvironment } from "../app/context";
import { EventsKeys } from "./EventsKeys";
import css from "./settings.module.css";

export function EnvironmentSettings() {
  const environment = useEnvironment();
  const client = useQueryClient();
  const key = ["variables", environment.id];
  const url = `/api/v1/environments/${environment.id}/variables`;
  const saved = () => client.invalidateQueries({ queryKey: key });
  const variables = useQuery({ queryKey: key, queryFn: ({ signal }) => get<List<Variable>>(url, signal) });
  const drop = useMutation({ mutationFn: (name: string) => remove(`${url}/${name}`), onSuccess: saved });
  return (
    <Page>
      <PageHead
        title={`Variables of ${environment.name}`}
        about="Values go in and never come out: steps read them, this screen cannot."
      />
      <Refused error={drop.error} />
      <Panel flush title="Variables">
        <Loaded query={variables}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No variable yet">
                Steps see the names that wistro.yml lists under <code>env</code>. Set their values below.
              </Empty>
            ) : (
              <Table label="Variables">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Value</th>
                    <th scope="col" data-wide>
                      Set
                    </th>
                    <th scope="col" data-wide>
                      By
                    </th>
                    <th scope="col" data-wide>
                      Revision
                    </th>
                    <th scope="col">
                      <span className="sr">Delete</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((variable) => (
                    <tr key={variable.name}>
                      <td>
                        <code>{variable.name}</code>
                      </td>
                      <td>
                        {variable.secret ? (
                          <Badge tone="calm">secret</Badge>
                        ) : (
                          <span className="quiet">set</span>
                        )}
                      </td>
                      <td data-wide>
                        <When at={variable.set_at} />
                      </td>
                      <td data-wide>{variable.set_by ?? "–"}</td>
                      <td data-wide>{variable.revision}</td>
                      <td style={{ textAlign: "right" }}>
                        <Confirm
                          label="Delete"
                          question={`Delete ${variable.name} in ${environment.name}? Serving versions restart without it.`}
                          act={() => drop.mutate(variable.name)}
                        />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            )
          }
        </Loaded>
        <SetVariable url={url} saved={saved} />
      </Panel>
      <p className="quiet">
        A change makes a successor of each version that serves, with the same weight; it takes over when it is
        healthy.
      </p>
      <EventsKeys environment={environment} />
    </Page>
  );
}

function SetVariable({ url, saved }: { url: string; saved: () => Promise<void> }) {
  const set = useMutation({
    mutationFn: (body: { name: string; value: string; secret: boolean }) => post<Variable>(url, body),
    onSuccess: saved,
  });
  const wrongName = wrongWith(set.error, "name");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    set.mutate(
      {
        name: String(form.get("name")),
        value: String(form.get("value")),
        secret: form.get("secret") === "on",
      },
      { onSuccess: () => element.reset() },
    );
  };
  return (
    <form className={css.inline} onSubmit={submit}>
      <Field id="variable-name" label="Name" wrong={wrongName}>
        <Input
          id="variable-name"
          name="name"
          required
          className="mono"
          placeholder="STRIPE_KEY"
          autoComplete="off"
          spellCheck={false}
        />
      </Field>
      <Field
        id="variable-value"
        label="Value"
        wrong={set.error && !wrongName ? (wrongWith(set.error, "value") ?? explain(set.error)) : undefined}
      >
        <Input id="variable-value" name="value" type="password" required autoComplete="off" />
      </Field>
      <label style={{ display: "flex", gap: 8, alignItems: "center", minHeight: 34, flex: "none" }}>
        <input type="checkbox" name="secret" defaultChecked />
        Secret: redacted from logs
      </label>
      <Button look="main" type="submit" disabled={set.isPending}>
        Set
      </Button>
    </form>
  );
}
