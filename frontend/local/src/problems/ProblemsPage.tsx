import { Loaded } from "@shared/design/Loaded";
import { Page, PageHead, Panel } from "@shared/design/parts";
import { Empty } from "@shared/design/states";
import { Problems } from "@shared/problems/Problems";
import { useProblems } from "./useProblems";

export function ProblemsPage() {
  const query = useProblems();
  return (
    <Page>
      <PageHead title="Problems" about="What the compiler says, live as files change." />
      <Panel flush>
        <Loaded query={query}>
          {({ problems }) =>
            problems.length === 0 ? (
              <Empty title="No problem" command="wistro deploy">
                The project compiles. When you want it on a server, this is the command.
              </Empty>
            ) : (
              <Problems problems={problems} />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
