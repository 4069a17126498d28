"""Projects, their environments (dev, staging, prod) and the environments' variables."""
