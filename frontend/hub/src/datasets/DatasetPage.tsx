import { get, remove } from "@shared/api/client";
import type { Dataset, List, SampleSummary } from "@shared/api/types";
import { CopyLine } from "@shared/design/Copy";
import { count, inShell } from "@shared/design/format";
import { Loaded } from "@shared/design/Loaded";
import { Badge, Button, Page, PageHead, Panel, VersionMark } from "@shared/design/parts";
import { Empty, Refused } from "@shared/design/states";
import { Waiting } from "@shared/design/Waiting";
import { When } from "@shared/design/When";
import { useGo, useSearchState } from "@shared/shell/Go";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { Confirm } from "../app/Confirm";
import { urlOf, useProject } from "../app/context";
import css from "./datasets.module.css";
import { SamplePanel } from "./SamplePanel";

export function DatasetPage() {
  const { dataset: id } = useParams({ strict: false }) as { dataset: string };
  const query = useQuery({
    queryKey: ["dataset", id],
    queryFn: ({ signal }) => get<Dataset>(`/api/v1/datasets/${id}`, signal),
  });
  return (
    <Page>
      <Loaded query={query} loading={<Waiting />}>
        {(dataset) => <Shown dataset={dataset} />}
      </Loaded>
    </Page>
  );
}

function Shown({ dataset }: { dataset: Dataset }) {
  const project = useProject();
  const client = useQueryClient();
  const go = useGo();
  const [search, change] = useSearchState();
  const samples = useQuery({
    queryKey: ["dataset", dataset.id, "samples"],
    queryFn: ({ signal }) => get<List<SampleSummary>>(`/api/v1/datasets/${dataset.id}/samples`, signal),
  });
  const drop = useMutation({
    mutationFn: () => remove(`/api/v1/datasets/${dataset.id}`),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["datasets", project.id] });
      go(`${urlOf(project)}/datasets`);
    },
  });
  const chosen = search.sample ?? samples.data?.items[0]?.id;
  return (
    <>
      <PageHead title={dataset.name} about={dataset.description}>
        <Confirm
          label="Delete dataset"
          question={`Delete ${dataset.name} and its ${count(dataset.samples, "sample")}? This cannot be undone.`}
          act={() => drop.mutate()}
        />
      </PageHead>
      <Refused error={drop.error} />
      <div className={css.copy}>
        <CopyLine
          text={`wistro datasets pull ${inShell(dataset.name)} --project ${urlOf(project).slice(1)}`}
        />
        <CopyLine text={`wistro replay ${inShell(dataset.name)}`} />
      </div>
      <Loaded query={samples}>
        {({ items }) =>
          items.length === 0 ? (
            <Panel flush>
              <Empty
                title="No sample yet"
                action={<Button onClick={() => go(`${urlOf(project)}/prod/runs`)}>Choose a run</Button>}
              >
                Open a run and choose &ldquo;Add as sample&rdquo;.
              </Empty>
            </Panel>
          ) : (
            <div className={css.split}>
              <Panel flush title={count(items.length, "sample")}>
                {items.map((sample) => (
                  <button
                    key={sample.id}
                    type="button"
                    className={css.sample}
                    aria-pressed={sample.id === chosen}
                    onClick={() => change({ sample: sample.id })}
                  >
                    <strong className="clip">{sample.name || sample.trigger?.label || sample.id}</strong>
                    <span>
                      {sample.version !== null && <VersionMark number={sample.version} />}
                      {sample.environment}
                      <When at={sample.created_at} />
                      <span className={css.tags}>
                        {sample.tags.map((tag) => (
                          <Badge key={tag} tone="calm" dot={false}>
                            {tag}
                          </Badge>
                        ))}
                      </span>
                    </span>
                  </button>
                ))}
              </Panel>
              {chosen && <SamplePanel key={chosen} id={chosen} dataset={dataset} />}
            </div>
          )
        }
      </Loaded>
    </>
  );
}
