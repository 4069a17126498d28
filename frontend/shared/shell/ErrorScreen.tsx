import { ApiFailure } from "../api/failure";
import { Button, buttonClass, Page } from "../design/parts";
import { Empty, Failure } from "../design/states";
import { Go } from "./Go";

/** Where no frame stands around it. */
export function NotFoundAlone() {
  return (
    <main>
      <NotFound />
    </main>
  );
}

export function NotFound() {
  return (
    <Page>
      <Empty
        title="There is nothing at this address"
        action={
          <Go to="/" className={buttonClass()}>
            Go to the first screen
          </Go>
        }
      >
        It may have been deleted, or you may not belong to its organization.
      </Empty>
    </Page>
  );
}

/** The outermost catch: a screen that failed, with the way to try it again. */
export function ErrorScreen({ error, reset }: { error: unknown; reset?: () => void }) {
  if (error instanceof ApiFailure && error.isGone) return <NotFound />;
  return (
    <Page>
      <Failure error={error} />
      <p>
        <Button onClick={reset ?? (() => location.reload())}>Try again</Button>
      </p>
    </Page>
  );
}
