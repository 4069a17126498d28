from django.urls import path

from hub.fleet import api

urlpatterns = [path("fleet", api.Fleet.as_view())]
machine = [path("register", api.Register.as_view())]
