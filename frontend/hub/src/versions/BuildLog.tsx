import { get, query } from "@shared/api/client";
import type { BuildLinePage } from "@shared/api/types";
import { clock } from "@shared/design/format";
import { Failure } from "@shared/design/states";
import { Rows } from "@shared/design/Waiting";
import { useRefresh } from "@shared/live/react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useLayoutEffect, useRef } from "react";
import { type BuildLog as Log, noBuildLog, readOn } from "./buildLines";
import css from "./versions.module.css";

/** The build's words as they are said; follows the end until someone scrolls up. */
export function BuildLog({ version, building }: { version: string; building: boolean }) {
  const query = useBuildLog(version, building);
  const box = useRef<HTMLElement>(null);
  const follows = useRef(true);
  const lines = query.data?.lines ?? [];
  useLayoutEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines.length]);
  if (query.isError && !query.data) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Rows count={10} height={22} />;
  return (
    <section
      ref={box}
      className={css.log}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      aria-label="Build log"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        follows.current = scrollHeight - scrollTop - clientHeight < 24;
      }}
    >
      {lines.map((line, index) => (
        <div key={index}>
          <time dateTime={line.at}>{clock(line.at)}</time>
          <span>{line.stage}</span>
          <span>{line.text}</span>
        </div>
      ))}
      {lines.length === 0 && (
        <div>
          <span />
          <span />
          <span>{building ? "Waiting for a builder…" : "This build said nothing."}</span>
        </div>
      )}
    </section>
  );
}

function useBuildLog(version: string, building: boolean) {
  const client = useQueryClient();
  const key = ["build", version];
  const log = useQuery({
    queryKey: key,
    queryFn: ({ signal }): Promise<Log> =>
      readOn(client.getQueryData<Log>(key) ?? noBuildLog, (after) =>
        get<BuildLinePage>(`/api/v1/versions/${version}/lines${query({ after })}`, signal),
      ),
    structuralSharing: false,
  });
  const done = log.data?.done ?? false;
  useRefresh(done ? null : `build:${version}`, key, 200);
  const { refetch } = log;
  // The last lines may come with the state that ends the build.
  useEffect(() => {
    if (!building && !done) void refetch();
  }, [building, done, refetch]);
  return log;
}
