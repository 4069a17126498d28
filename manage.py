#!/usr/bin/env python
"""The Hub's commands: `python manage.py help` lists them."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    from django.core.management import execute_from_command_line

    from wistro.errors import UserError

    try:
        execute_from_command_line(sys.argv)
    except UserError as error:
        sys.exit(f"error: {error.message}\n hint: {error.hint}   {error.code}")
