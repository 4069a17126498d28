"""What starts a run: `http` (calls at endpoints), `cron` (ticks). They know the engine by `port` only."""
