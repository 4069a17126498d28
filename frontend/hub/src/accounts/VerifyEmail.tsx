import { formClass } from "@shared/design/forms";
import { Button } from "@shared/design/parts";
import { Go } from "@shared/shell/Go";
import { useState } from "react";
import { resendCode, verifyEmail } from "./allauth";
import { Frame } from "./Frame";
import { CodeField } from "./fields";
import { text, useForm } from "./useForm";

export function VerifyEmail() {
  const [sent, setSent] = useState("");
  const { wrong, sending, submit } = useForm((form) => verifyEmail(text(form, "key").trim()));
  const resend = async () => {
    const outcome = await resendCode();
    setSent("wrong" in outcome ? Object.values(outcome.wrong).join(" ") : "A new code is on its way.");
  };
  return (
    <Frame
      title="Check your e-mail"
      lead="We sent you a code. It proves that the address is yours."
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
        <Button look="plain" onClick={() => void resend()}>
          Send the code again
        </Button>
        <p role="status" className="quiet">
          {sent}
        </p>
      </form>
    </Frame>
  );
}
