import { formClass } from "@shared/design/forms";
import { Button } from "@shared/design/parts";
import { Go, useSearchState } from "@shared/shell/Go";
import { askReset, reset } from "./allauth";
import { Frame } from "./Frame";
import { CodeField, EmailField, PasswordField } from "./fields";
import { MailHint } from "./Outbox";
import { text, useForm } from "./useForm";

const back = (
  <Go className="link" to="/sign-in">
    Back to sign in
  </Go>
);

export function Reset() {
  const [search] = useSearchState();
  return search.step === "code" ? <NewPassword /> : <AskReset />;
}

function AskReset() {
  const { wrong, sending, submit } = useForm((form) => askReset(text(form, "email")));
  return (
    <Frame
      title="Reset the password"
      lead="We send a code to your address, if it has an account."
      wrong={wrong[""]}
      under={back}
    >
      <form className={formClass} onSubmit={submit}>
        <EmailField wrong={wrong} />
        <Button look="main" size="wide" type="submit" disabled={sending}>
          Send the code
        </Button>
      </form>
    </Frame>
  );
}

function NewPassword() {
  const { wrong, sending, submit } = useForm((form) =>
    reset(text(form, "key").trim(), text(form, "password")),
  );
  return (
    <Frame
      title="Choose a new password"
      lead="Enter the code that we sent you."
      wrong={wrong[""]}
      under={back}
    >
      <form className={formClass} onSubmit={submit}>
        <CodeField wrong={wrong} />
        <PasswordField wrong={wrong} isNew label="New password" />
        <Button look="main" size="wide" type="submit" disabled={sending}>
          Set password
        </Button>
        <MailHint />
      </form>
    </Frame>
  );
}
