// What both apps are built with: one alias, modern targets, and a nonce placeholder that the server fills in.
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { UserConfig } from "vite";

export const alias = { "@shared": fileURLToPath(new URL("./shared", import.meta.url)) };

export function app(outDir: string): UserConfig {
  return {
    plugins: [react()],
    resolve: { alias },
    html: { cspNonce: "__CSP_NONCE__" },
    build: {
      outDir,
      emptyOutDir: true,
      target: ["chrome123", "firefox120", "safari17.5"],
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 700,
    },
    server: {
      port: 5173,
      proxy: {
        "/api": "http://localhost:8000",
        "/_allauth": "http://localhost:8000",
        "/live": { target: "ws://localhost:8000", ws: true },
      },
    },
  };
}
