"""Samples run again on this machine by the project as it is now, and the first thing that comes out otherwise."""
