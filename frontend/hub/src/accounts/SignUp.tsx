import { formClass } from "@shared/design/forms";
import { Button } from "@shared/design/parts";
import { Go, useSearchState } from "@shared/shell/Go";
import { useState } from "react";
import { signUp } from "./allauth";
import { Frame } from "./Frame";
import { EmailField, PasswordField } from "./fields";
import { text, useForm } from "./useForm";

export function SignUp() {
  const [email, setEmail] = useState("");
  const [search] = useSearchState();
  const { wrong, sending, submit } = useForm((form) => signUp(text(form, "email"), text(form, "password")));
  return (
    <Frame
      title="Create an account"
      lead="Then connect a repository, or deploy a folder with one command."
      wrong={wrong[""]}
      under={
        <>
          Have an account?{" "}
          <Go className="link" to="/sign-in" search={search}>
            Sign in
          </Go>
        </>
      }
    >
      <form className={formClass} onSubmit={submit}>
        <EmailField wrong={wrong} onChange={setEmail} />
        <PasswordField wrong={wrong} isNew email={email} />
        <Button look="main" size="wide" type="submit" disabled={sending}>
          {sending ? "Creating…" : "Create account"}
        </Button>
      </form>
    </Frame>
  );
}
