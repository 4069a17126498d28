# Phase: expand. Why: each gateway's acknowledgement asks which changes are not applied yet; the index holds only those.
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingress", "0001_initial")]
    operations = [
        migrations.AddIndex(
            model_name="trafficchange",
            index=models.Index(
                fields=["serial", "id"],
                condition=models.Q(("applied_at__isnull", True)),
                name="traffic_changes_to_apply",
            ),
        ),
    ]
