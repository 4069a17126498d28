# Phase: expand. Why: the app role owns nothing, so it is granted rows of all tables, now and by default later.
from django.db import migrations

from hub.common.migrations import Grants


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [Grants()]
