import { formClass } from "@shared/design/forms";
import { Button, Note } from "@shared/design/parts";
import { Go } from "@shared/shell/Go";
import { useState } from "react";
import { type Outcome, resendCode, verifyEmail } from "./allauth";
import { Frame } from "./Frame";
import { CodeField } from "./fields";
import { MailHint } from "./Outbox";
import { addressTyped, text, useForm } from "./useForm";

export function VerifyEmail() {
  const { wrong, sending, submit } = useForm((form) => verifyEmail(text(form, "key").trim()));
  const address = addressTyped();
  return (
    <Frame
      title="Check your e-mail"
      lead={<>We sent a code to {address ? <b>{address}</b> : "you"}. It proves that the address is yours.</>}
      wrong={wrong[""]}
      under={
        <Go className="link" to="/sign-up">
          Use another address
        </Go>
      }
    >
      <form className={formClass} onSubmit={submit}>
        <CodeField wrong={wrong} />
        <Button look="main" size="wide" type="submit" disabled={sending}>
          {sending ? "Checking…" : "Confirm address"}
        </Button>
        <Resend />
        <MailHint />
      </form>
    </Frame>
  );
}

function Resend() {
  const [outcome, setOutcome] = useState<Outcome | "asking" | null>(null);
  const resend = () => {
    setOutcome("asking");
    resendCode().then(setOutcome, (error: Error) => setOutcome({ wrong: { "": error.message } }));
  };
  return (
    <>
      <Button look="plain" disabled={outcome === "asking"} onClick={resend}>
        Send the code again
      </Button>
      {outcome && outcome !== "asking" && (
        <Note tone={"wrong" in outcome ? "bad" : "good"}>
          {"wrong" in outcome
            ? Object.values(outcome.wrong).join(" ")
            : "A new code is on its way. The one before no longer counts."}
        </Note>
      )}
    </>
  );
}
