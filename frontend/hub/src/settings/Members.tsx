import { post, remove } from "@shared/api/client";
import { explain, wrongWith } from "@shared/api/failure";
import type { Member } from "@shared/api/types";
import { Choice, Field, Input } from "@shared/design/forms";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Button, Panel } from "@shared/design/parts";
import { Refused } from "@shared/design/states";
import { Table } from "@shared/design/tables";
import { Rows } from "@shared/design/Waiting";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { Confirm } from "../app/Confirm";
import { membersQuery } from "../app/queries";
import css from "./settings.module.css";

export function Members(props: { organization: string; isOwner: boolean; me: string }) {
  const { organization, isOwner, me } = props;
  const client = useQueryClient();
  const members = useQuery(membersQuery(organization));
  const url = `/api/v1/organizations/${organization}/members`;
  const drop = useMutation({
    mutationFn: (id: string) => remove(`${url}/${id}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ["members", organization] }),
  });
  return (
    <Panel flush title="Members">
      <Refused error={drop.error} />
      <Loaded query={members} loading={<Rows count={3} />}>
        {({ items }) => (
          <Table label="Members">
            <thead>
              <tr>
                <th scope="col">E-mail</th>
                <th scope="col">Role</th>
                <th scope="col">
                  <span className="sr">Remove</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map(({ user, role }: Member) => (
                <tr key={user.id}>
                  <td>
                    {user.email}
                    {user.id === me && <span className="quiet"> (you)</span>}
                  </td>
                  <td>
                    <Badge tone={role === "owner" ? "good" : "calm"} dot={false}>
                      {role}
                    </Badge>
                  </td>
                  <td style={{ textAlign: "right" }}>
                    {isOwner && user.id !== me && (
                      <Confirm
                        label="Remove"
                        question={`Remove ${user.email}? Open screens of theirs close within seconds.`}
                        act={() => drop.mutate(user.id)}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Loaded>
      {isOwner && <AddMember organization={organization} />}
    </Panel>
  );
}

function AddMember({ organization }: { organization: string }) {
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (body: { email: string; role: string }) =>
      post(`/api/v1/organizations/${organization}/members`, body),
    onSuccess: () => client.invalidateQueries({ queryKey: ["members", organization] }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    add.mutate(
      { email: String(form.get("email")).trim(), role: String(form.get("role")) },
      { onSuccess: () => element.reset() },
    );
  };
  return (
    <form className={css.inline} onSubmit={submit}>
      <Field
        id="member-email"
        label="Add a member"
        wrong={add.error ? (wrongWith(add.error, "email") ?? explain(add.error)) : undefined}
        hint={
          add.isSuccess ? `${add.variables.email} is a member.` : "Someone who has signed up here already"
        }
      >
        <Input id="member-email" name="email" type="email" required placeholder="name@example.com" />
      </Field>
      <Field id="member-role" label="Role" hint="Owners add and remove members">
        <Choice id="member-role" name="role" defaultValue="member">
          <option value="member">Member</option>
          <option value="owner">Owner</option>
        </Choice>
      </Field>
      <Button look="main" type="submit" disabled={add.isPending}>
        Add
      </Button>
    </form>
  );
}
