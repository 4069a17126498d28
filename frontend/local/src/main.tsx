import { localToken } from "@shared/api/client";
import { makeQueryClient } from "@shared/api/queries";
import { Design } from "@shared/design/Design";
import { PollingLive } from "@shared/live/polling";
import { LiveProvider } from "@shared/live/react";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { router } from "./router";

localToken(); // kept before the router drops it from the address

createRoot(document.getElementById("root")!).render(
  <Design>
    <QueryClientProvider client={makeQueryClient()}>
      {/* A beat each second costs nothing on the same machine; the local server keeps no sockets. */}
      <LiveProvider value={new PollingLive()}>
        <RouterProvider router={router} />
      </LiveProvider>
    </QueryClientProvider>
  </Design>,
);
