import { get, remove } from "@shared/api/client";
import type { Dataset, SampleDetail } from "@shared/api/types";
import { CopyLine, Id } from "@shared/design/Copy";
import { inShell } from "@shared/design/format";
import { Json } from "@shared/design/Json";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Panel } from "@shared/design/parts";
import { Refused } from "@shared/design/states";
import { Facts } from "@shared/design/tables";
import { When } from "@shared/design/When";
import { Waterfall } from "@shared/runs/Waterfall";
import { waterfall } from "@shared/runs/waterfall";
import { Go, useSearchState } from "@shared/shell/Go";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { Confirm } from "../app/Confirm";
import { urlOf, useProject } from "../app/context";
import css from "./datasets.module.css";

/** One sample: where it is from, what came in, and the attempts it will be compared with. */
export function SamplePanel({ id, dataset }: { id: string; dataset: Dataset }) {
  const query = useQuery({
    queryKey: ["sample", id],
    queryFn: ({ signal }) => get<SampleDetail>(`/api/v1/samples/${id}`, signal),
  });
  return <Loaded query={query}>{(sample) => <Shown sample={sample} dataset={dataset} />}</Loaded>;
}

function Shown({ sample, dataset }: { sample: SampleDetail; dataset: Dataset }) {
  const project = useProject();
  const client = useQueryClient();
  const [, change] = useSearchState();
  const layout = useMemo(() => waterfall(sample.attempts ?? []), [sample]);
  const drop = useMutation({
    mutationFn: () => remove(`/api/v1/samples/${sample.id}`),
    onSuccess: () => {
      change({ sample: "" });
      void client.invalidateQueries({ queryKey: ["dataset"] });
    },
  });
  const from =
    sample.run && sample.environment ? (
      <Go className="link" to={`${urlOf(project)}/${sample.environment}/runs/${sample.run}`}>
        {sample.trigger?.label ?? "its run"}
      </Go>
    ) : (
      (sample.trigger?.label ?? "–")
    );
  return (
    <div className={css.stack}>
      <Panel
        title={sample.name || sample.trigger?.label || "Sample"}
        side={
          <Confirm
            label="Delete"
            question="Delete this sample? Its run may be gone by then; this cannot be undone."
            act={() => drop.mutate()}
          />
        }
      >
        <div className={css.stack}>
          <Refused error={drop.error} />
          <Facts
            rows={[
              ["Sample", <Id key="id" id={sample.id} />],
              ["From", from],
              ["Version", sample.version ?? "–"],
              [
                "Added",
                <span key="added">
                  <When at={sample.created_at} />
                  {sample.created_by && ` by ${sample.created_by}`}
                </span>,
              ],
              [
                "Tags",
                sample.tags.length ? (
                  <span key="tags" className={css.tags}>
                    {sample.tags.map((tag) => (
                      <Badge key={tag} tone="calm" dot={false}>
                        {tag}
                      </Badge>
                    ))}
                  </span>
                ) : (
                  "none"
                ),
              ],
            ]}
          />
          <CopyLine text={`wistro replay ${inShell(`${dataset.name}/${sample.id}.json`)}`} />
        </div>
      </Panel>
      <Panel title="Input">
        <Json value={sample.input} label="input" />
      </Panel>
      {layout.bars.length > 0 && (
        <Panel flush title="What it did then">
          <Waterfall layout={layout} chosen={null} choose={() => undefined} />
        </Panel>
      )}
    </div>
  );
}
