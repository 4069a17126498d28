import { count as counted } from "@shared/design/format";
import { Note } from "@shared/design/parts";
import { useRefresh } from "@shared/live/react";
import { Go } from "@shared/shell/Go";
import { type Place, PlaceProvider } from "@shared/shell/place";
import { type NavGroup, Shell } from "@shared/shell/Shell";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { useMemo } from "react";
import { useProblems } from "./problems/useProblems";
import { useFirstCall } from "./useFirstCall";

const here: Place = {
  api: "/api/v1",
  url: "",
  topic: (what, id) => (what === "run" ? `run:${id}` : what),
  firstRun: "wistro dev",
  isLocal: true,
};

export function LocalLayout() {
  const { data } = useProblems();
  const found = data?.problems.length ?? 0;
  useRefresh("graph", ["graph", here.api]);
  const firstCall = useFirstCall();
  const place = useMemo(
    () => ({ ...here, firstRun: firstCall ?? here.firstRun, problems: found }),
    [firstCall, found],
  );
  const groups: NavGroup[] = [
    {
      label: "This project",
      links: [
        { to: "/flows", label: "Flows", icon: "flows", keys: "g f" },
        { to: "/runs", label: "Runs", icon: "runs", keys: "g r" },
        { to: "/logs", label: "Logs", icon: "logs", keys: "g l" },
        {
          to: "/problems",
          label: found > 0 ? `Problems (${found})` : "Problems",
          icon: "problems",
          keys: "g p",
        },
      ],
    },
  ];
  return (
    <PlaceProvider value={place}>
      <Shell crumbs={<span className="quiet">local</span>} groups={groups}>
        {found > 0 && <Broken count={found} />}
        <Outlet />
      </Shell>
    </PlaceProvider>
  );
}

/** On every screen but the one that shows them: what is seen is not what the files say. */
function Broken({ count }: { count: number }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  if (path.startsWith("/problems")) return null;
  return (
    <Note
      tone="bad"
      action={
        <Go className="link" to="/problems">
          See {count === 1 ? "it" : "them"}
        </Go>
      }
    >
      {counted(count, "problem")} in the project: what changed since is not served.
    </Note>
  );
}
