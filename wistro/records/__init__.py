"""What happened: runs, attempts, log lines. `port` is the seam; `spool` appends them, for shipping or for the laptop's `index`."""
