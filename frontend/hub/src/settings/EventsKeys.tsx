import { get, post, remove } from "@shared/api/client";
import type { Events } from "@shared/api/types";
import { CopyLine } from "@shared/design/Copy";
import { Loaded } from "@shared/design/Loaded";
import { Button, Note, Panel } from "@shared/design/parts";
import { Empty, Refused } from "@shared/design/states";
import { Table } from "@shared/design/tables";
import { When } from "@shared/design/When";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Confirm } from "../app/Confirm";
import css from "./settings.module.css";

/** Who may send events from outside to an environment. A new key is shown once, here. */
export function EventsKeys({ environment }: { environment: { id: string; name: string } }) {
  const client = useQueryClient();
  const queryKey = ["events-keys", environment.id];
  const url = `/api/v1/environments/${environment.id}/events-keys`;
  const saved = () => client.invalidateQueries({ queryKey });
  const events = useQuery({ queryKey, queryFn: ({ signal }) => get<Events>(url, signal) });
  const make = useMutation({ mutationFn: () => post<{ key: string }>(url, {}), onSuccess: saved });
  const end = useMutation({ mutationFn: () => remove(url), onSuccess: saved });
  return (
    <Panel flush title="Events from outside">
      <Refused error={make.error ?? end.error} />
      <Loaded query={events}>
        {(shown) => (
          <>
            {make.data && (
              <Note tone="good">
                The new key, shown this once:
                <CopyLine text={make.data.key} />
              </Note>
            )}
            {shown.keys.length === 0 ? (
              <Empty title="No key yet">
                Another system sends its events with a key to topics that wistro.yml declares as{" "}
                <code>from: outside</code>.
              </Empty>
            ) : (
              <Keys events={shown} />
            )}
            {shown.topics.map((topic) => (
              <CopyLine
                key={topic}
                text={`curl ${shown.address}${topic} -H "authorization: Bearer $KEY" --json '{}'`}
              />
            ))}
          </>
        )}
      </Loaded>
      <div className={css.inline}>
        <Button look="main" disabled={make.isPending} onClick={() => make.mutate()}>
          Make a key
        </Button>
        {(events.data?.keys.length ?? 0) > 1 && (
          <Confirm
            label="End the older key"
            question={`End the older key of ${environment.name}? Who still sends with it is refused.`}
            act={() => end.mutate()}
          />
        )}
      </div>
    </Panel>
  );
}

function Keys({ events }: { events: Events }) {
  return (
    <Table label="Keys">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Made</th>
          <th scope="col" data-wide>
            By
          </th>
        </tr>
      </thead>
      <tbody>
        {events.keys.map((key) => (
          <tr key={key.start}>
            <td>
              <code>{key.start}…</code>
            </td>
            <td>
              <When at={key.made_at} />
            </td>
            <td data-wide>{key.made_by ?? "–"}</td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
