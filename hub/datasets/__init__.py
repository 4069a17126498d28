"""Datasets: recorded runs kept as samples, to replay on a laptop against changed code."""
