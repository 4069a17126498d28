import { request } from "@shared/api/client";
import { Icon } from "@shared/design/icons";
import { Button, Note, Page } from "@shared/design/parts";
import { useSearchState } from "@shared/shell/Go";
import { useMutation } from "@tanstack/react-query";
import css from "./accounts.module.css";
import { useMe } from "./me";
import { isLoopback, scopeWords } from "./scopes";

/** Asks whether the command line may act for this person; the answer goes to its loopback address. */
export function ConsentPage() {
  const { user } = useMe();
  const [search] = useSearchState();
  const decide = useMutation({
    mutationFn: (allow: boolean) =>
      request<{ redirect_to: string }>("POST", "/oauth/authorize", { body: { ...search, allow } }),
    onSuccess: ({ redirect_to }) => location.assign(redirect_to),
  });
  const redirect = search.redirect_uri ?? "";
  if (!isLoopback(redirect)) {
    return (
      <Page>
        <Note tone="bad">
          This sign-in does not come from a command line on this machine. Close this page and run{" "}
          <code>wistro login</code> again.
        </Note>
      </Page>
    );
  }
  return (
    <Page>
      <div className={css.card} style={{ margin: "5vh auto 0" }}>
        <h1>Sign in the command line?</h1>
        <p className={css.lead}>
          <code>wistro login</code> on this machine asks to act as {user.email}:
        </p>
        <ul className={css.scopes}>
          {(search.scope ?? "")
            .split(/[ +]/)
            .filter(Boolean)
            .map((scope) => (
              <li key={scope}>
                <Icon name="check" />
                <span>{scopeWords(scope)}</span>
              </li>
            ))}
        </ul>
        {decide.error && <Note tone="bad">{decide.error.message}</Note>}
        <Button look="main" size="wide" disabled={decide.isPending} onClick={() => decide.mutate(true)}>
          Allow
        </Button>
        <Button size="wide" disabled={decide.isPending} onClick={() => decide.mutate(false)}>
          Deny
        </Button>
        <p className={css.under}>
          Only allow this if you ran the command just now. It answers to <code>{redirect}</code>.
        </p>
      </div>
    </Page>
  );
}
