"""What happened: runs, attempts, log lines. `port` is the seam; `local` keeps them on a laptop, `spool` for shipping."""
