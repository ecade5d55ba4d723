from django.urls import path

from . import views

urlpatterns = [
    path("lend/", views.LendView.as_view()),
    path("return/", views.ReturnView.as_view()),
    path("readers/<str:card>/", views.account),
]
