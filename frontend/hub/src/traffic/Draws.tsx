import type { Traffic } from "@shared/api/types";
import { count } from "@shared/design/format";
import { Panel, VersionMark, versionColor } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { useFirstRun } from "@shared/runs/firstRun";
import { usePlace } from "@shared/shell/place";
import css from "./traffic.module.css";

interface Draw {
  version: number;
  target: number;
  calls: number;
  share: number;
}

/** Each version's drawn calls beside its target; versions that draw nothing and should not are left out. */
export function drawsOf(traffic: Traffic): Draw[] {
  const target = new Map<number, number>();
  for (const { version, weight } of traffic.deployments) {
    target.set(version, (target.get(version) ?? 0) + weight / 10_000);
  }
  for (const version of Object.keys(traffic.draws)) {
    if (!target.has(Number(version))) target.set(Number(version), 0);
  }
  return [...target]
    .map(([version, share]) => ({
      version,
      target: share,
      calls: traffic.draws[version]?.calls ?? 0,
      share: traffic.draws[version]?.share ?? 0,
    }))
    .filter(({ target, calls }) => target > 0 || calls > 0)
    .sort((a, b) => b.version - a.version);
}

const hundred = (share: number) => `${(share * 100).toFixed(2)} %`;

export function Draws({ traffic }: { traffic: Traffic }) {
  const draws = drawsOf(traffic);
  const firstRun = useFirstRun(usePlace());
  const all = draws.reduce((sum, draw) => sum + draw.calls, 0);
  return (
    <Panel
      flush
      title="Drawn"
      side={
        <p>
          {count(all, "call")} since generation {traffic.generation}
        </p>
      }
    >
      {all === 0 ? (
        <Empty title="No call since these weights" command={firstRun}>
          Each call is drawn once; counts appear here beside their targets.
        </Empty>
      ) : (
        <>
          <div className={`${css.draw} ${css.head}`} aria-hidden="true">
            <span>Version</span>
            <span>Drawn, and the target as a mark</span>
            <span>Calls</span>
            <span>Share</span>
          </div>
          {draws.map((draw) => (
            <div key={draw.version} className={css.draw} data-draw={draw.version}>
              <VersionMark number={draw.version} />
              <span
                className={css.meter}
                role="img"
                aria-label={`${hundred(draw.share)} drawn, ${hundred(draw.target)} wanted`}
              >
                <i style={{ width: `${draw.share * 100}%`, background: versionColor(draw.version) }} />
                <b style={{ left: `${draw.target * 100}%` }} />
              </span>
              <span>{draw.calls.toLocaleString("en-US")}</span>
              <span>{hundred(draw.share)}</span>
            </div>
          ))}
        </>
      )}
    </Panel>
  );
}
