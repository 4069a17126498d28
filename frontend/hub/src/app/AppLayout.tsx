// What stands around every signed-in screen; sends those who are not to sign in.
import { ApiFailure } from "@shared/api/failure";
import { Page } from "@shared/design/parts";
import { Rows } from "@shared/design/Waiting";
import { ErrorScreen } from "@shared/shell/ErrorScreen";
import { useQuery } from "@tanstack/react-query";
import { Navigate, Outlet, useMatches, useRouterState } from "@tanstack/react-router";
import { meQuery } from "../accounts/me";
import { Frameless } from "./OrganizationShell";

export function AppLayout() {
  const me = useQuery(meQuery);
  const next = useRouterState({ select: (state) => state.location.href });
  const inProject = useMatches({ select: (matches) => matches.some((match) => "project" in match.params) });
  if (me.error instanceof ApiFailure && me.error.status === 401) {
    return <Navigate to={"/sign-in" as never} search={(next === "/" ? {} : { next }) as never} replace />;
  }
  if (me.error && !me.data) return <ErrorScreen error={me.error} reset={() => void me.refetch()} />;
  if (!me.data) {
    return (
      <Page>
        <Rows count={4} />
      </Page>
    );
  }
  return inProject ? <Outlet /> : <Frameless />;
}
