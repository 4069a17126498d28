"""What runs wistro from a checkout: set-up, the table of processes, `make up`, `make check`."""
