import { useRefresh } from "@shared/live/react";
import { type Place, PlaceProvider } from "@shared/shell/place";
import { type NavGroup, Shell } from "@shared/shell/Shell";
import { Outlet } from "@tanstack/react-router";
import { useProblems } from "./problems/useProblems";

const place: Place = {
  api: "/api/v1",
  url: "",
  topic: (what, id) => (what === "run" ? `run:${id}` : what),
  firstRun: "curl -X POST http://127.0.0.1:3000/",
  isLocal: true,
};

export function LocalLayout() {
  const { data } = useProblems();
  const found = data?.problems.length ?? 0;
  useRefresh("graph", ["graph", place.api]);
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
