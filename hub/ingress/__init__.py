"""Weights, generations, and the routing table that gateways poll."""
