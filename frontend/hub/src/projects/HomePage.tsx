import { Navigate } from "@tanstack/react-router";
import { useMe } from "../accounts/me";

/** The first screen: one's organization, or the way to make one. */
export function HomePage() {
  const [first] = useMe().organizations;
  return <Navigate to={(first ? `/${first.slug}` : "/new") as never} replace />;
}
