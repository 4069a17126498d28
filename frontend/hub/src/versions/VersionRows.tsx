import type { Project, Version } from "@shared/api/types";
import { percent } from "@shared/design/format";
import { Badge, VersionMark } from "@shared/design/parts";
import { When } from "@shared/design/When";
import { describeBuild } from "@shared/runs/status";
import { Go } from "@shared/shell/Go";
import { urlOf } from "../app/context";
import { placesOf } from "./places";
import css from "./versions.module.css";

/** What a version is, in one line: its commit's first line, or that a folder was uploaded. */
export function titleOf(version: Version): string {
  return version.commit?.message.split("\n")[0] || "Deployed from a folder";
}

export function VersionRows({ versions, project }: { versions: Version[]; project: Project }) {
  return (
    <div className={css.rows}>
      {versions.map((version) => (
        <VersionRow key={version.id} version={version} url={urlOf(project)} />
      ))}
    </div>
  );
}

function VersionRow({ version, url }: { version: Version; url: string }) {
  const { label, tone } = describeBuild(version.state);
  const { commit } = version;
  const live = placesOf(version.deployments).filter(({ state }) => state !== "stopped");
  return (
    <Go to={`${url}/versions/${version.number}`} className={css.row} data-version={version.number}>
      <VersionMark number={version.number} />
      <Badge tone={tone} pulse={tone === "busy"} bare>
        {label}
      </Badge>
      <div className={css.what}>
        <p className="clip">{version.problems[0]?.message ?? titleOf(version)}</p>
        <p>
          {commit ? (
            <>
              <code>{commit.sha.slice(0, 7)}</code>
              {commit.branch && <span>{commit.branch}</span>}
              <span>{commit.author}</span>
            </>
          ) : (
            <span>uploaded</span>
          )}
        </p>
      </div>
      <div className={css.where}>
        {live.map(({ id, environment, weight, state }) => (
          <Badge key={id} tone={weight > 0 ? "good" : state === "failed" ? "bad" : "calm"} dot={false}>
            {environment} {percent(weight)}
          </Badge>
        ))}
      </div>
      <div className={css.when}>
        <When at={version.created_at} />
      </div>
    </Go>
  );
}
