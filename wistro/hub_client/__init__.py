"""The Hub as the `wistro` command meets it: who is signed in, and the API by HTTP."""
