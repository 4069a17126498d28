"""The live channel: tells open pages that there is something new to read. A hint; the stores hold the truth."""
