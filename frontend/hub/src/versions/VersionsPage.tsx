import { get } from "@shared/api/client";
import type { List, Version } from "@shared/api/types";
import { Button, Page, PageHead, Panel } from "@shared/design/parts";
import { Empty, Failure } from "@shared/design/states";
import { Rows } from "@shared/design/Waiting";
import { useRefresh } from "@shared/live/react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { urlOf, useProject } from "../app/context";
import { VersionRows } from "./VersionRows";
import css from "./versions.module.css";

export function VersionsPage() {
  const project = useProject();
  const key = ["versions", project.id, "all"];
  const query = useInfiniteQuery({
    queryKey: key,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      get<List<Version>>(
        `/api/v1/projects/${project.id}/versions?limit=50${pageParam && `&before=${pageParam}`}`,
        signal,
      ),
    getNextPageParam: (page) => page.next ?? undefined,
  });
  useRefresh(`versions:${project.id}`, key);
  const versions = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page>
      <PageHead
        title="Versions"
        about="Each push and each deploy, whole and for ever: commit, lock and bundle."
      />
      {query.isError && !query.data ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : (
        <Panel flush>
          {query.isPending ? (
            <Rows count={8} height={46} />
          ) : versions.length === 0 ? (
            <Empty title="No version yet" command={`wistro deploy --project ${urlOf(project).slice(1)}`}>
              Push to the connected repository, or deploy a folder with this command.
            </Empty>
          ) : (
            <VersionRows versions={versions} project={project} />
          )}
          {query.hasNextPage && (
            <div className={css.more}>
              <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                Older versions
              </Button>
            </div>
          )}
        </Panel>
      )}
    </Page>
  );
}
