from django.urls import path

from hub.datasets import api

urlpatterns = [
    path("projects/<project:project>/datasets", api.Datasets.as_view()),
    path("datasets/<dataset:dataset>", api.OneDataset.as_view()),
    path("datasets/<dataset:dataset>/samples", api.Samples.as_view()),
    path("datasets/<dataset:dataset>/export", api.Export.as_view()),
    path("samples/<sample:sample>", api.OneSample.as_view()),
]
