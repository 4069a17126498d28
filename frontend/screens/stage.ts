// A page of the built app whose network is ours: files with the Hub's CSP, answers by state, a socket that opens.
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Page, Route, WebSocketRoute } from "playwright-core";
import { answer, type State } from "./answers";

const NONCE = "c2NyZWVucw";
const CSP = [
  "default-src 'none'",
  `script-src 'self' 'nonce-${NONCE}'`,
  `style-src 'self' 'nonce-${NONCE}'`,
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "form-action 'self'",
  "base-uri 'none'",
].join("; ");

const TYPES: Record<string, string> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".html": "text/html",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

export interface Staged {
  state: State;
  screen: string;
  dist: string;
}

/** Answers everything that the page asks. `staged` may be changed between pictures. */
export async function stage(page: Page, staged: Staged, sockets: Set<WebSocketRoute>): Promise<void> {
  await page.route("**/*", (route) => serve(route, staged));
  await page.routeWebSocket(/\/live/, (socket) => {
    sockets.add(socket);
    socket.onMessage((text) => {
      const { type, topic } = JSON.parse(String(text));
      if (type === "subscribe") socket.send(JSON.stringify({ type: "subscribed", topic }));
    });
  });
}

async function serve(route: Route, staged: Staged): Promise<void> {
  const { pathname } = new URL(route.request().url());
  if (pathname.startsWith("/api/") || pathname.startsWith("/_allauth/")) return api(route, pathname, staged);
  const file = extname(pathname) ? pathname : "/index.html";
  const body = await readFile(join(staged.dist, file)).catch(() => null);
  if (!body) return route.fulfill({ status: 404 });
  if (file !== "/index.html")
    return route.fulfill({ body, contentType: TYPES[extname(file)] ?? "text/plain" });
  return route.fulfill({
    body: body.toString().replaceAll("__CSP_NONCE__", NONCE),
    contentType: "text/html; charset=utf-8",
    headers: { "content-security-policy": CSP },
  });
}

async function api(route: Route, path: string, staged: Staged): Promise<void> {
  if (path.startsWith("/_allauth/")) {
    const errors = [
      { message: "The e-mail address and the password do not fit.", code: "mismatch", param: "password" },
    ];
    return route.fulfill({ status: 400, json: { status: 400, errors } });
  }
  const said = answer(path, staged.state, staged.screen, Date.now());
  if (said === "never") return;
  return route.fulfill({ status: said.status, json: said.body });
}
