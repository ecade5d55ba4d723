from django.core.paginator import Paginator
from django.db.models import Q
from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from .models import Title


def search(request):
    words = request.GET.get("q", "").split()
    titles = Title.objects.all()
    for word in words:
        titles = titles.filter(Q(name__icontains=word) | Q(author__icontains=word))
    page = Paginator(titles, 20).get_page(request.GET.get("page"))
    return JsonResponse({"count": titles.count(), "titles": [_brief(t) for t in page]})


def detail(request, pk):
    title = get_object_or_404(Title, pk=pk)
    copies = [
        {"barcode": c.barcode, "shelf": c.shelf, "available": c.available}
        for c in title.copies.order_by("barcode")
    ]
    return JsonResponse({**_brief(title), "year": title.year, "copies": copies})


def _brief(title):
    return {
        "id": title.pk,
        "name": title.name,
        "author": title.author,
        "kind": title.get_kind_display(),
    }
