import type { GraphNode } from "@shared/api/types";
import { Copy, CopyLine } from "@shared/design/Copy";
import { Loaded } from "@shared/design/Loaded";
import { Page, PageHead, Panel } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { Table } from "@shared/design/tables";
import { tryIt } from "@shared/runs/firstRun";
import { Language } from "@shared/runs/Language";
import { useGraph } from "@shared/runs/RunFilters";
import { Go } from "@shared/shell/Go";
import { usePlace } from "@shared/shell/place";
import { useEnvironment } from "../app/context";

export function EndpointsPage() {
  const environment = useEnvironment();
  const place = usePlace();
  const graph = useGraph();
  return (
    <Page>
      <PageHead title="Endpoints" about="What can be called here, drawn to a version by the weights." />
      <CopyLine text={environment.address} />
      <Panel flush>
        <Loaded query={graph}>
          {({ nodes }) => {
            const endpoints = nodes.filter((node) => node.kind === "api");
            return endpoints.length === 0 ? (
              <Empty title="No endpoint serves here" command={`wistro deploy --to ${environment.name}`}>
                A step of type api, or an entry under <code>api</code> in wistro.yml, makes one.
              </Empty>
            ) : (
              <Table label="Endpoints">
                <thead>
                  <tr>
                    <th scope="col">Endpoint</th>
                    <th scope="col">Step</th>
                    <th scope="col" data-wide>
                      Flows
                    </th>
                    <th scope="col">
                      <span className="sr">Try it</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {endpoints.map((node) => (
                    <Row key={node.id} node={node} address={environment.address} url={place.url} />
                  ))}
                </tbody>
              </Table>
            );
          }}
        </Loaded>
      </Panel>
    </Page>
  );
}

function Row({ node, address, url }: { node: GraphNode; address: string; url: string }) {
  const trigger = node.trigger ?? node.label;
  return (
    <tr>
      <td>
        <code>{trigger}</code>
      </td>
      <td>
        <Language language={node.language} />{" "}
        <Go className="link" to={`${url}/runs`} search={{ step: node.id }}>
          {node.label}
        </Go>
      </td>
      <td className="quiet" data-wide>
        {node.flows.join(", ")}
      </td>
      <td style={{ textAlign: "right" }}>
        <Copy text={tryIt(trigger, address)} what={`a call of ${trigger}`} />
      </td>
    </tr>
  );
}
