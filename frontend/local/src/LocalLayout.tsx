import { useRefresh } from "@shared/live/react";
import { type Place, PlaceProvider } from "@shared/shell/place";
import { type NavGroup, Shell } from "@shared/shell/Shell";
import { Outlet } from "@tanstack/react-router";
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
  const place = useMemo(() => ({ ...here, firstRun: firstCall ?? here.firstRun }), [firstCall]);
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
        <Outlet />
      </Shell>
    </PlaceProvider>
  );
}
