import type { TrafficDeployment } from "@shared/api/types";
import { Copy } from "@shared/design/Copy";
import { count } from "@shared/design/format";
import { Input } from "@shared/design/forms";
import { Icon } from "@shared/design/icons";
import { Badge, VersionMark, versionColor } from "@shared/design/parts";
import { describeServing } from "@shared/runs/status";
import { type CSSProperties, useState } from "react";
import css from "./traffic.module.css";
import { readPercent, type Share, showPercent } from "./weights";

interface WeightRowProps {
  deployment: TrafficDeployment;
  share: Share;
  alone: boolean;
  set: (weight: number) => void;
  lock: (locked: boolean) => void;
}

export function WeightRow({ deployment, share, alone, set, lock }: WeightRowProps) {
  const { version, commit, tag_address } = deployment;
  const hue = { "--hue": versionColor(version), "--at": `${share.weight / 100}%` } as CSSProperties;
  return (
    <div className={css.row} data-version={version}>
      <div className={css.what}>
        <div>
          <VersionMark number={version}>Version {version}</VersionMark>
          {tag_address && <Copy text={tag_address} what={`the address of version ${version} alone`} />}
        </div>
        <div>
          {commit ? (
            <>
              <code>{commit.sha.slice(0, 7)}</code>
              <span className="clip">{commit.message.split("\n")[0]}</span>
            </>
          ) : (
            "from a folder"
          )}
        </div>
      </div>
      <State deployment={deployment} />
      <input
        type="range"
        className={css.slider}
        style={hue}
        min={0}
        max={10_000}
        step={100}
        value={share.weight}
        disabled={share.locked || alone}
        aria-label={`Weight of version ${version}`}
        aria-valuetext={`${showPercent(share.weight)} percent`}
        onChange={(event) => set(Number(event.target.value))}
      />
      <button
        type="button"
        className={css.lock}
        aria-pressed={share.locked}
        aria-label={`Keep version ${version} as it is`}
        title={share.locked ? "Locked: the others give and take" : "Lock this weight"}
        disabled={alone}
        onClick={() => lock(!share.locked)}
      >
        <Icon name={share.locked ? "lock" : "unlock"} size={15} />
      </button>
      <Percent version={version} share={share} alone={alone} set={set} />
    </div>
  );
}

function State({ deployment: { state, weight, live_runs, error } }: { deployment: TrafficDeployment }) {
  const { label, tone } = describeServing(state, weight, live_runs);
  const drains = label === "Draining";
  return (
    <div className={css.state} title={error ?? undefined}>
      <Badge tone={tone} bare pulse={state === "starting"}>
        {label}
      </Badge>
      <span>
        {live_runs > 0
          ? `${count(live_runs, "live run")}${drains ? " to end" : ""}`
          : weight === 0
            ? "takes no new run"
            : "no live run"}
      </span>
    </div>
  );
}

/** Typed percentages, to two digits; taken when the field is left or Enter is pressed. */
function Percent(props: { version: number; share: Share; alone: boolean; set: (weight: number) => void }) {
  const { version, share, alone, set } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const wrong = typed !== null && readPercent(typed) === null;
  const take = () => {
    const points = typed === null ? null : readPercent(typed);
    if (points !== null && points !== share.weight) set(points);
    setTyped(null);
  };
  return (
    <div className={css.number}>
      <Input
        small
        inputMode="decimal"
        style={{ width: 76 }}
        aria-label={`Percent for version ${version}`}
        aria-invalid={wrong || undefined}
        title={wrong ? "A percentage from 0 to 100" : undefined}
        disabled={share.locked || alone}
        value={typed ?? showPercent(share.weight)}
        onChange={(event) => setTyped(event.target.value)}
        onFocus={(event) => event.target.select()}
        onBlur={take}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            if (!wrong) take();
          }
          if (event.key === "Escape") setTyped(null);
        }}
      />
      %
    </div>
  );
}
