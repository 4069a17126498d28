import type { Traffic } from "@shared/api/types";
import { Panel, VersionMark, WeightBar } from "@shared/design/parts";
import { When } from "@shared/design/When";
import css from "./traffic.module.css";
import { showPercent } from "./weights";

const WHY: Record<Traffic["history"][number]["why"], string> = {
  set: "set the weights",
  promoted: "promoted a version",
  succeeded: "put successors in place",
  released: "released the hold",
  removed: "removed what had stopped",
};

/** Every generation: when, who, why, and the weights it set. */
export function History({ traffic: { history } }: { traffic: Traffic }) {
  return (
    <Panel flush title="History">
      {history.length === 0 && <p className={css.none}>No change yet.</p>}
      {history.map((past) => {
        const parts = Object.entries(past.weights).map(([version, weight]) => ({
          version: Number(version),
          weight,
        }));
        return (
          <div key={past.generation} className={css.past}>
            <span title="Generation">#{past.generation}</span>
            <WeightBar parts={parts} label={`Generation ${past.generation}`} />
            <When at={past.at} />
            <p>
              <span>{past.by ?? "wistro"}</span>
              <span>{past.note ?? WHY[past.why]}</span>
              {parts
                .filter(({ weight }) => weight > 0)
                .map(({ version, weight }) => (
                  <VersionMark key={version} number={version}>
                    v{version} {showPercent(weight)} %
                  </VersionMark>
                ))}
            </p>
          </div>
        );
      })}
    </Panel>
  );
}
