import { Field, Input } from "@shared/design/forms";
import { useState } from "react";
import css from "./accounts.module.css";
import { LEAST, strength } from "./strength";

type Wrong = Record<string, string>;

const marks = (wrong: string | undefined, id: string) =>
  wrong ? { "aria-invalid": true as const, "aria-describedby": `${id}-wrong` } : {};

export function EmailField({ wrong, onChange }: { wrong: Wrong; onChange?: (email: string) => void }) {
  return (
    <Field id="email" label="E-mail" wrong={wrong.email}>
      <Input
        id="email"
        name="email"
        type="email"
        autoComplete="email"
        required
        onChange={(event) => onChange?.(event.target.value)}
        {...marks(wrong.email, "email")}
      />
    </Field>
  );
}

export function PasswordField(props: { wrong: Wrong; isNew?: boolean; email?: string; label?: string }) {
  const { wrong, isNew, email, label = "Password" } = props;
  const [password, setPassword] = useState("");
  return (
    <Field id="password" label={label} wrong={wrong.password}>
      <Input
        id="password"
        name="password"
        type="password"
        autoComplete={isNew ? "new-password" : "current-password"}
        required
        onChange={(event) => setPassword(event.target.value)}
        {...marks(wrong.password, "password")}
      />
      {isNew && <StrengthMeter password={password} email={email} />}
    </Field>
  );
}

function StrengthMeter({ password, email }: { password: string; email?: string | undefined }) {
  const { score, words } = strength(password, email);
  return (
    <div className={css.strength} data-score={password ? score : 0} role="status">
      <span aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {password ? words : `${LEAST} characters or more`}
    </div>
  );
}

export function CodeField({ wrong }: { wrong: Wrong }) {
  return (
    <div className={css.code}>
      <Field id="key" label="Code from the e-mail" wrong={wrong.key}>
        <Input
          id="key"
          name="key"
          autoComplete="one-time-code"
          autoCapitalize="characters"
          spellCheck={false}
          maxLength={16}
          required
          {...marks(wrong.key, "key")}
        />
      </Field>
    </div>
  );
}
