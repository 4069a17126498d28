"""Payloads beside the messages: kept by their sha256, named by runs, gone with the last run that names them."""
