import { SIGNED_OUT } from "@shared/api/client";
import { makeQueryClient } from "@shared/api/queries";
import { Design } from "@shared/design/Design";
import { LiveProvider } from "@shared/live/react";
import { LiveSocket } from "@shared/live/socket";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { meQuery } from "./accounts/me";
import { router } from "./app/router";

const client = makeQueryClient();
const live = new LiveSocket({
  open: () => new WebSocket(`${location.origin.replace(/^http/, "ws")}/live`),
  refused: () => void client.invalidateQueries(),
});
addEventListener("online", () => live.wake());
addEventListener(SIGNED_OUT, () => void client.invalidateQueries({ queryKey: meQuery.queryKey }));

createRoot(document.getElementById("root")!).render(
  <Design>
    <QueryClientProvider client={client}>
      <LiveProvider value={live}>
        <RouterProvider router={router} />
      </LiveProvider>
    </QueryClientProvider>
  </Design>,
);
