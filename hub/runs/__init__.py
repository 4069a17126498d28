"""What happened: records are taken in from agents, kept in daily partitions, and read by people."""
