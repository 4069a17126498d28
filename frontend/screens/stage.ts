// The built apps over a network that is ours: files with the Hub's CSP, answers by state, a socket that opens.
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { BrowserContext, WebSocketRoute } from "playwright-core";
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
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Which app, screen and state a browser context is shown; it rides in a cookie, so one server serves all. */
export interface Staged {
  app: string;
  screen: string;
  state: State;
}

export interface Stage {
  origin: string;
  close: () => void;
}

export async function openStage(dist: Record<string, string>): Promise<Stage> {
  const server = createServer((asked, said) => void serve(asked, said, dist));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export async function show(context: BrowserContext, origin: string, staged: Staged): Promise<void> {
  const value = `${staged.app}.${staged.screen}.${staged.state}`;
  await context.addCookies([{ name: "staged", value, url: origin }]);
}

/** The live sockets of a context, which say `subscribed` and nothing else; `open` gathers them. */
export async function stageSockets(context: BrowserContext, open: Set<WebSocketRoute>): Promise<void> {
  await context.routeWebSocket(/\/live/, (socket) => {
    open.add(socket);
    socket.onMessage((text) => {
      const { type, topic } = JSON.parse(String(text));
      if (type === "subscribe") socket.send(JSON.stringify({ type: "subscribed", topic }));
    });
  });
}

async function serve(asked: IncomingMessage, said: ServerResponse, dist: Record<string, string>) {
  const { pathname: path, searchParams } = new URL(asked.url ?? "/", "http://stage");
  const [app = "hub", screen = "", state = "live"] =
    /staged=([^;]+)/.exec(asked.headers.cookie ?? "")?.[1]?.split(".") ?? [];
  if (path.startsWith("/_allauth/")) return json(said, 400, REFUSED);
  if (path.startsWith("/api/")) {
    const what = answer(path, searchParams, state as State, screen, Date.now());
    return what === "never" ? undefined : json(said, what.status, what.body);
  }
  return file(said, dist[app]!, extname(path) ? path : "/index.html");
}

async function file(said: ServerResponse, dist: string, path: string): Promise<void> {
  const body = await readFile(join(dist, path)).catch(() => null);
  if (!body) {
    said.writeHead(404).end();
  } else if (path === "/index.html") {
    said
      .writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": CSP })
      .end(body.toString().replaceAll("__CSP_NONCE__", NONCE));
  } else {
    said
      .writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "text/plain",
        "cache-control": "max-age=3600",
      })
      .end(body);
  }
}

function json(said: ServerResponse, status: number, body: unknown): void {
  said.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const REFUSED = {
  status: 400,
  errors: [
    { message: "The e-mail address and the password do not fit.", code: "mismatch", param: "password" },
  ],
};
