"""The bare parts: httptools + SQLite FULL group commit + one host, with no feature. What wistro's overhead is measured against."""
