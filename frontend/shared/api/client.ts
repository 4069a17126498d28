// One door for HTTP: JSON in and out, the session's cookie or the local token, errors as ApiFailure.
import { ApiFailure, failureOf } from "./failure";

/** Heard on the window when the server no longer knows who asks: the session ended. */
export const SIGNED_OUT = "wistro-signed-out";
/** Heard on the window after each request: whether the server answered at all. */
export const ANSWERED = "wistro-answered";
export const UNANSWERED = "wistro-unanswered";
const ME = "/api/v1/me"; // asks just that, and is asked again on hearing it

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Options {
  body?: unknown;
  signal?: AbortSignal;
  /** Answers besides 2xx that the caller reads itself. */
  accept?: number[];
}

/** The token that `wistro dev` printed; kept for the tab, since links do not carry it. */
export function localToken(): string | null {
  const given = new URLSearchParams(location.search).get("token");
  if (given) sessionStorage.setItem("wistro-token", given);
  return given ?? sessionStorage.getItem("wistro-token");
}

export function csrfToken(cookies: string = document.cookie): string {
  return /(?:^|;\s*)(?:__Host-)?csrftoken=([^;]+)/.exec(cookies)?.[1] ?? "";
}

export async function request<T>(method: Method, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const token = localToken();
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await send(path, {
    method,
    headers,
    credentials: "same-origin",
    body: options.body === undefined ? null : JSON.stringify(options.body),
    signal: options.signal ?? null,
  });
  const body = await read(answer);
  if (answer.status === 401 && path !== ME) dispatchEvent(new Event(SIGNED_OUT));
  if (!answer.ok && !options.accept?.includes(answer.status)) throw failureOf(answer.status, body);
  return body as T;
}

export const get = <T>(path: string, signal?: AbortSignal) => request<T>("GET", path, { signal });
export const post = <T>(path: string, body: unknown = {}) => request<T>("POST", path, { body });
export const put = <T>(path: string, body: unknown) => request<T>("PUT", path, { body });
export const patch = <T>(path: string, body: unknown) => request<T>("PATCH", path, { body });
export const remove = <T>(path: string) => request<T>("DELETE", path);

/** `?a=1&b=2` of what is set; the empty string when nothing is. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    const answer = await fetch(path, init);
    dispatchEvent(new Event(ANSWERED));
    return answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    dispatchEvent(new Event(UNANSWERED));
    throw new ApiFailure(
      0,
      "network.unreachable",
      "The server cannot be reached",
      "Check your connection; this page tries again when it is back.",
    );
  }
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (!text) return null;
  if (!answer.headers.get("content-type")?.includes("json")) return text;
  return JSON.parse(text);
}
