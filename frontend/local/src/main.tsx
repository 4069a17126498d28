import { localToken } from "@shared/api/client";
import { makeQueryClient } from "@shared/api/queries";
import { Design } from "@shared/design/Design";
import { PollingLive } from "@shared/live/polling";
import { LiveProvider } from "@shared/live/react";
import { type Live, LiveSocket } from "@shared/live/socket";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { router } from "./router";

const token = localToken(); // before the router drops it from the address

function open(): WebSocket {
  const search = token ? `?token=${encodeURIComponent(token)}` : "";
  return new WebSocket(`${location.origin.replace(/^http/, "ws")}/live${search}`);
}

/** The socket where the server has one; else a beat each second, which costs nothing on the same machine. */
function chooseLive(): Promise<Live> {
  return new Promise((resolve) => {
    const probe = open();
    probe.onopen = () => {
      probe.close();
      resolve(new LiveSocket({ open }));
    };
    probe.onerror = () => resolve(new PollingLive());
  });
}

void chooseLive().then((live) => {
  if (live instanceof LiveSocket) addEventListener("online", () => live.wake());
  createRoot(document.getElementById("root")!).render(
    <Design>
      <QueryClientProvider client={makeQueryClient()}>
        <LiveProvider value={live}>
          <RouterProvider router={router} />
        </LiveProvider>
      </QueryClientProvider>
    </Design>,
  );
});
