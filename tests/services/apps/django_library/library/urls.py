from django.http import JsonResponse
from django.urls import include, path


def health(request):
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("health/", health),
    path("catalog/", include("catalog.urls")),
    path("desk/", include("loans.urls")),
]
