from django.urls import path

from . import views

urlpatterns = [
    path("", views.search),
    path("<int:pk>/", views.detail),
]
