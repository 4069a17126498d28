import { ApiFailure } from "@shared/api/failure";
import { useGo, useSearchState } from "@shared/shell/Go";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Next, Outcome } from "./allauth";

/** Where a person goes on after signing in: only to an address of ours. */
export function safeNext(next: string | undefined): string {
  // Read as the browser will read it: "/\t/host" and "/\\host" are other hosts to it.
  if (!next?.startsWith("/") || !URL.canParse(next, location.origin)) return "/";
  return new URL(next, location.origin).origin === location.origin ? next : "/";
}

const TYPED = "wistro-address";

/** The e-mail address of the form before this one: kept for the tab, not put into an address. */
export const addressTyped = (): string => sessionStorage.getItem(TYPED) ?? "";

/** One sign-in form: sends, keeps what was wrong by field, and moves to what comes next. */
export function useForm(act: (form: FormData) => Promise<Outcome>) {
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [sending, setSending] = useState(false);
  const [search] = useSearchState();
  const client = useQueryClient();
  const go = useGo();
  const follow = async (next: Next) => {
    const on = search.next ? { next: search.next } : {};
    if (next === "verify-email") return go("/verify-email", on);
    if (next === "reset-code") return go("/reset", { ...on, step: "code" });
    await client.resetQueries({ queryKey: ["me"] });
    // A whole load: the session's cookies are new, and `next` may be a page outside the screens.
    location.assign(safeNext(search.next));
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    if (form.has("email")) sessionStorage.setItem(TYPED, text(form, "email"));
    setSending(true);
    try {
      const outcome = await act(form);
      setWrong("wrong" in outcome ? outcome.wrong : {});
      if ("next" in outcome) await follow(outcome.next);
    } catch (error) {
      setWrong({ "": error instanceof ApiFailure ? error.message : String(error) });
    } finally {
      setSending(false);
    }
  };
  return { wrong, sending, submit, follow };
}

export const text = (form: FormData, name: string): string => String(form.get(name) ?? "");
