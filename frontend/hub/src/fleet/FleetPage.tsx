import { get } from "@shared/api/client";
import type { Machine } from "@shared/api/types";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Page, PageHead, Panel } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { Table } from "@shared/design/tables";
import { When } from "@shared/design/When";
import { useQuery } from "@tanstack/react-query";
import settings from "../settings/settings.module.css";
import { describeLayer, describeMachine } from "./machine";

const POLL_MS = 10_000;

/** The machines, and which walls stand around tenants' code on each. Machines have no live topic. */
export function FleetPage() {
  const query = useQuery({
    queryKey: ["fleet"],
    queryFn: ({ signal }) => get<{ machines: Machine[] }>("/api/v1/fleet", signal),
    refetchInterval: POLL_MS,
  });
  return (
    <Page>
      <PageHead title="Fleet" about="Agents run versions, builders make them, gateways take calls in." />
      <Panel flush>
        <Loaded query={query}>
          {({ machines }) =>
            machines.length === 0 ? (
              <Empty title="No machine is registered" command="python -m runner.agent">
                An agent, a builder and a gateway register with the pool&rsquo;s token when they start.
              </Empty>
            ) : (
              <Table label="Machines">
                <thead>
                  <tr>
                    <th scope="col">Machine</th>
                    <th scope="col" data-wide>
                      Kind
                    </th>
                    <th scope="col">State</th>
                    <th scope="col">Seen</th>
                    <th scope="col">Sandbox</th>
                  </tr>
                </thead>
                <tbody>
                  {machines.map((machine) => (
                    <MachineRow key={machine.id} machine={machine} />
                  ))}
                </tbody>
              </Table>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function MachineRow({ machine }: { machine: Machine }) {
  const { label, tone } = describeMachine(machine.state);
  const layers = Object.entries(machine.sandbox);
  return (
    <tr>
      <td>
        <strong style={{ fontWeight: 500 }}>{machine.name}</strong>
      </td>
      <td data-wide>{machine.kind}</td>
      <td>
        <Badge tone={tone} bare>
          {label}
        </Badge>
      </td>
      <td>
        <When at={machine.seen_at} />
      </td>
      <td>
        <span className={settings.layers}>
          {layers.length === 0 && <span className="quiet">runs no tenant code</span>}
          {layers.map(([layer, state]) => {
            const described = describeLayer(state);
            return (
              <span key={layer} title={described.why}>
                <Badge tone={described.tone}>
                  {layer}
                  {described.tone !== "good" && `: ${described.why}`}
                </Badge>
              </span>
            );
          })}
        </span>
      </td>
    </tr>
  );
}
