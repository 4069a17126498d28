"""The engine on one's own machine: `wistro dev` (compile, serve, watch, show) and `wistro start` (serve a lock)."""
