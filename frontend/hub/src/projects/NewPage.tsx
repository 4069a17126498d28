// Organization, project, source: three short steps. The address keeps the place, so a reload goes on.
import { Page } from "@shared/design/parts";
import { useSearchState } from "@shared/shell/Go";
import { useMe } from "../accounts/me";
import { ConnectStep } from "./ConnectStep";
import { OrganizationStep, ProjectStep } from "./NameSteps";
import css from "./projects.module.css";

const STAGES = ["Organization", "Project", "Code"];

export function NewPage() {
  const { organizations } = useMe();
  const [search] = useSearchState();
  const organization =
    search.organization === "new"
      ? undefined
      : (organizations.find(({ slug }) => slug === search.in) ?? organizations[0]);
  const at = !organization ? 0 : search.project ? 2 : 1;
  return (
    <Page>
      <div className={css.setup}>
        <h1>{organizations.length === 0 ? "Welcome. Two names, then your code" : "New project"}</h1>
        <ol className={css.stages}>
          {STAGES.map((stage, index) => (
            <li key={stage} aria-current={index === at ? "step" : undefined} data-done={index < at}>
              <i>{index + 1}</i>
              {stage}
            </li>
          ))}
        </ol>
        {!organization ? (
          <OrganizationStep />
        ) : search.project ? (
          <ConnectStep organization={organization.slug} project={search.project} />
        ) : (
          <ProjectStep organizations={organizations} chosen={organization} />
        )}
      </div>
    </Page>
  );
}
