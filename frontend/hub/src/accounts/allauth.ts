// django-allauth's headless API: what a form sends, and what its answer means for the person.
import { request } from "@shared/api/client";

const BASE = "/_allauth/browser/v1/auth";

export type Next = "signed-in" | "verify-email" | "reset-code";

export type Outcome = { next: Next } | { wrong: Record<string, string> };

interface Answer {
  status: number;
  data?: { flows?: { id: string; is_pending?: boolean }[] };
  errors?: { message: string; code: string; param?: string }[];
  meta?: { is_authenticated?: boolean };
}

export const signUp = (email: string, password: string) => send("signup", { email, password });
export const signIn = (email: string, password: string) => send("login", { email, password });
export const verifyEmail = (key: string) => send("email/verify", { key });
export const resendCode = () => send("email/verify/resend", {});
export const askReset = (email: string) => send("password/request", { email });
export const reset = (key: string, password: string) => send("password/reset", { key, password });
export const signOut = () =>
  request<Answer>("DELETE", `${BASE}/session`, { accept: [401] }).then(() => undefined);

async function send(path: string, body: unknown): Promise<Outcome> {
  const answer = await request<Answer | null>("POST", `${BASE}/${path}`, {
    body,
    accept: [400, 401, 403, 409, 429],
  });
  return read(answer ?? { status: 200 });
}

/** 200 signed in; 401 a step is pending; 400 the form is wrong; 409 already signed in, or the step is over. */
export function read(answer: Answer): Outcome {
  const pending = answer.data?.flows?.find((flow) => flow.is_pending)?.id;
  if (answer.status === 429) return { wrong: { "": "Too many tries. Wait three minutes, then try again." } };
  if (answer.errors?.length) return { wrong: byField(answer.errors) };
  if (answer.status === 200 || answer.meta?.is_authenticated) return { next: "signed-in" };
  if (pending === "verify_email") return { next: "verify-email" };
  if (pending === "password_reset_by_code") return { next: "reset-code" };
  if (answer.status === 403)
    return { wrong: { "": "No more codes for this one. Begin again with your address." } };
  if (answer.status === 409)
    return { wrong: { "": "This step is over. Sign in, or begin again with your address." } };
  return { wrong: { "": "That did not work. Start again from the first step." } };
}

/** Said better than allauth does. */
const OURS: Record<string, string> = {
  email_password_mismatch: "This address and password do not belong together.",
  incorrect_code: "This is not the code. Look at the newest e-mail.",
};

function byField(errors: { message: string; code: string; param?: string }[]): Record<string, string> {
  const wrong: Record<string, string> = {};
  for (const { param, code, message } of errors) wrong[param ?? ""] ??= OURS[code] ?? message;
  return wrong;
}
