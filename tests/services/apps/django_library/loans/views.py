import json
import logging

from django.conf import settings
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from catalog.models import Copy

from .fines import fine_for, owed_by
from .models import Loan, Reader

logger = logging.getLogger(__name__)


@method_decorator(csrf_exempt, name="dispatch")
class DeskView(View):
    """A call of a desk terminal: JSON in, JSON out."""

    def post(self, request):
        return self.handle(json.loads(request.body or "{}"))


class LendView(DeskView):
    def handle(self, asked):
        reader = get_object_or_404(Reader, card=asked["card"])
        copy = get_object_or_404(Copy, barcode=asked["barcode"])
        if not copy.available:
            return JsonResponse({"error": "on loan"}, status=409)
        if reader.loans.filter(returned_on=None).count() >= settings.MAX_LOANS:
            return JsonResponse({"error": "too many loans"}, status=409)
        loan = Loan.objects.create(copy=copy, reader=reader, lent_on=timezone.localdate())
        logger.info("lent %s to %s", copy.barcode, reader.card)
        return JsonResponse({"loan": loan.pk, "due": loan.due_on.isoformat()}, status=201)


class ReturnView(DeskView):
    def handle(self, asked):
        copy = get_object_or_404(Copy, barcode=asked["barcode"])
        loan = copy.loans.filter(returned_on=None).select_related("reader").first()
        if loan is None:
            return JsonResponse({"error": "not on loan"}, status=409)
        today = timezone.localdate()
        loan.fine = fine_for(loan, today)
        loan.returned_on = today
        loan.save()
        return JsonResponse({"fine": str(loan.fine), "late": loan.days_late(today)})


def account(request, card):
    reader = get_object_or_404(Reader, card=card)
    today = timezone.localdate()
    open_loans = reader.loans.filter(returned_on=None).select_related("copy__title")
    return JsonResponse(
        {
            "name": reader.name,
            "owed": str(owed_by(reader)),
            "loans": [
                {
                    "title": loan.copy.title.name,
                    "due": loan.due_on.isoformat(),
                    "fine_today": str(fine_for(loan, today)),
                }
                for loan in open_loans.order_by("lent_on")
            ],
        }
    )
