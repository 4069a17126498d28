"""The engine's side of a language: start a host process, call it, watch it, retire it; a pool of them."""
