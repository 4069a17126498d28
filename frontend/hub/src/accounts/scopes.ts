const WORDS: Record<string, string> = {
  "projects:read": "See projects, versions, runs and logs",
  "projects:write": "Change projects, variables and traffic",
  deploy: "Deploy versions",
  "datasets:read": "Pull samples of datasets",
};

export const scopeWords = (scope: string): string => WORDS[scope] ?? scope;

/** A command line listens on this machine only (RFC 8252 §7.3). */
export function isLoopback(uri: string): boolean {
  try {
    const url = new URL(uri);
    return url.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  } catch {
    return false;
  }
}
