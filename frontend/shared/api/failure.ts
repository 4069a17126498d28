/** A request that was answered with an error, or not answered (`status` 0). */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
    readonly fields: Record<string, string[]> = {},
    readonly body: unknown = null,
  ) {
    super(message);
    this.name = "ApiFailure";
  }

  get isGone(): boolean {
    return this.status === 404;
  }
}

/** The failure that an answer's body tells: our own shape, or an unexpected one said plainly. */
export function failureOf(status: number, body: unknown): ApiFailure {
  const error = (body as { error?: Record<string, unknown> } | null)?.error;
  if (error && typeof error.message === "string") {
    return new ApiFailure(
      status,
      String(error.code ?? `http.${status}`),
      error.message,
      typeof error.hint === "string" && error.hint ? error.hint : null,
      fieldsOf(error.fields),
      body,
    );
  }
  const message =
    status === 404
      ? "There is nothing here"
      : status >= 500
        ? "The server failed"
        : "The request was refused";
  return new ApiFailure(status, `http.${status}`, message, null, {}, body);
}

/** An error in whole sentences: what happened, then what to do. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiFailure)) return error instanceof Error ? error.message : String(error);
  return [error.message, error.hint ?? ""].filter(Boolean).map(sentence).join(" ");
}

/** What is said beside a field, if it is the field that is wrong. A form that only named its fields says it in theirs. */
export function wrongWith(error: unknown, field: string): string | undefined {
  const said = error instanceof ApiFailure ? error.fields[field]?.[0] : undefined;
  if (said === undefined) return undefined;
  return (error as ApiFailure).message.includes(`${field}: `) ? sentence(said) : explain(error);
}

const sentence = (text: string) => (/[.!?…]$/.test(text) ? text : `${text}.`);

function fieldsOf(fields: unknown): Record<string, string[]> {
  if (!fields || typeof fields !== "object") return {};
  return Object.fromEntries(
    Object.entries(fields).map(([name, said]) => [name, (Array.isArray(said) ? said : [said]).map(String)]),
  );
}
