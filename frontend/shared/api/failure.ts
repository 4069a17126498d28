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

function fieldsOf(fields: unknown): Record<string, string[]> {
  if (!fields || typeof fields !== "object") return {};
  return Object.fromEntries(
    Object.entries(fields).map(([name, said]) => [name, (Array.isArray(said) ? said : [said]).map(String)]),
  );
}
