from django.urls import path

from hub.common.api.own import Health, Outbox, Schema, Unknown
from hub.common.settings import SETTINGS

urlpatterns = [
    path("schema", Schema.as_view()),
    path("health", Health.as_view()),
    *([] if SETTINGS.is_production else [path("outbox", Outbox.as_view())]),
    path("<path:rest>", Unknown.as_view()),
]
