"""`wistro dev`: the engine of one project with what a person at a laptop sees; the screens lie in `static`."""
