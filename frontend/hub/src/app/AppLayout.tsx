// What stands around every signed-in screen; sends those who are not to sign in.
import { ApiFailure } from "@shared/api/failure";
import { Page } from "@shared/design/parts";
import { Rows } from "@shared/design/Waiting";
import { ErrorScreen } from "@shared/shell/ErrorScreen";
import { useQuery } from "@tanstack/react-query";
import { Navigate, Outlet, useMatches, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { meQuery } from "../accounts/me";
import { Frameless } from "./OrganizationShell";

export function AppLayout() {
  const me = useQuery(meQuery);
  const inProject = useMatches({ select: (matches) => matches.some((match) => "project" in match.params) });
  if (me.error instanceof ApiFailure && me.error.status === 401) {
    return <ToSignIn />;
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

/** Where one was is kept from the first look: while sign-in loads, the router already says that one is there. */
function ToSignIn() {
  const router = useRouter();
  const [search] = useState(() => {
    const next = router.state.location.href;
    return next === "/" ? {} : { next };
  });
  return <Navigate to={"/sign-in" as never} search={search as never} replace />;
}
