import { NotFound } from "@shared/shell/ErrorScreen";
import { PlaceProvider } from "@shared/shell/place";
import { Outlet, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { EnvironmentProvider, placeOf, useProject } from "./context";

export function EnvironmentLayout() {
  const project = useProject();
  const { environment: name } = useParams({ strict: false }) as { environment: string };
  const environment = project.environments.find((each) => each.name === name);
  const place = useMemo(() => (environment ? placeOf(project, environment) : null), [project, environment]);
  if (!environment || !place) return <NotFound />;
  return (
    <EnvironmentProvider value={environment}>
      <PlaceProvider value={place} key={environment.id}>
        <Outlet />
      </PlaceProvider>
    </EnvironmentProvider>
  );
}
