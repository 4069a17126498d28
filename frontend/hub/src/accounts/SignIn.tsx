import { formClass } from "@shared/design/forms";
import { Button } from "@shared/design/parts";
import { Go, useSearchState } from "@shared/shell/Go";
import { signIn } from "./allauth";
import { Frame } from "./Frame";
import { EmailField, PasswordField } from "./fields";
import { text, useForm } from "./useForm";

export function SignIn() {
  const [search] = useSearchState();
  const { wrong, sending, submit } = useForm((form) => signIn(text(form, "email"), text(form, "password")));
  return (
    <Frame
      title="Sign in"
      wrong={wrong[""]}
      under={
        <>
          New here?{" "}
          <Go className="link" to="/sign-up" search={search}>
            Create an account
          </Go>
        </>
      }
    >
      <form className={formClass} onSubmit={submit}>
        <EmailField wrong={wrong} />
        <PasswordField wrong={wrong} />
        <Button look="main" size="wide" type="submit" disabled={sending}>
          {sending ? "Signing in…" : "Sign in"}
        </Button>
        <Go className="link" to="/reset">
          Forgot the password?
        </Go>
      </form>
    </Frame>
  );
}
