import { get, remove } from "@shared/api/client";
import type { List, Token } from "@shared/api/types";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Panel } from "@shared/design/parts";
import { Empty, Refused } from "@shared/design/states";
import { Table } from "@shared/design/tables";
import { Rows } from "@shared/design/Waiting";
import { When } from "@shared/design/When";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Confirm } from "../app/Confirm";
import css from "./settings.module.css";

/** One's own tokens: each `wistro login` makes one. */
export function Tokens() {
  const client = useQueryClient();
  const tokens = useQuery({
    queryKey: ["tokens"],
    queryFn: ({ signal }) => get<List<Token>>("/api/v1/tokens", signal),
  });
  const drop = useMutation({
    mutationFn: (id: string) => remove(`/api/v1/tokens/${id}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ["tokens"] }),
  });
  return (
    <Panel flush title="Your command-line sign-ins">
      <Refused error={drop.error} />
      <Loaded query={tokens} loading={<Rows count={2} />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No machine is signed in" command={`wistro login --hub ${location.origin}`}>
              This opens the browser, asks you once, and keeps a token on that machine.
            </Empty>
          ) : (
            <Table label="Tokens">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col" data-wide>
                    May
                  </th>
                  <th scope="col">Last used</th>
                  <th scope="col" data-wide>
                    Expires
                  </th>
                  <th scope="col">
                    <span className="sr">Revoke</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((token) => (
                  <tr key={token.id}>
                    <td>
                      {token.name} <code className="quiet">…{token.ending}</code>
                    </td>
                    <td data-wide>
                      <span className={css.layers}>
                        {token.scopes.map((scope) => (
                          <Badge key={scope} tone="calm" dot={false}>
                            {scope}
                          </Badge>
                        ))}
                      </span>
                    </td>
                    <td>{token.used_at ? <When at={token.used_at} /> : "never"}</td>
                    <td data-wide>
                      <When at={token.expires_at} />
                    </td>
                    <td style={{ textAlign: "right" }}>
                      <Confirm
                        label="Revoke"
                        question={`Revoke ${token.name}? That machine has to sign in again.`}
                        act={() => drop.mutate(token.id)}
                      />
                    </td>
                  </tr>
                ))}
              </tbody>
            </Table>
          )
        }
      </Loaded>
    </Panel>
  );
}
