"""Versions and their builds, and where each version is deployed."""
