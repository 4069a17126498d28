import { Page, PageHead } from "@shared/design/parts";
import { useParams } from "@tanstack/react-router";
import { useMe } from "../accounts/me";
import { Members } from "./Members";
import { Tokens } from "./Tokens";

export function OrganizationSettings() {
  const { org } = useParams({ strict: false }) as { org: string };
  const { organizations, user } = useMe();
  const here = organizations.find(({ slug }) => slug === org);
  return (
    <Page>
      <PageHead title={`${here?.name ?? org} settings`} />
      <Members organization={org} isOwner={here?.role === "owner"} me={user.id} />
      <Tokens />
    </Page>
  );
}
