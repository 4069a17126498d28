"""The process that runs Python steps. Standard library only: it runs in the project's interpreter, beside its packages."""
