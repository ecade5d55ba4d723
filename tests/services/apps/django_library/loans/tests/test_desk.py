from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import Copy, Title
from loans.models import Loan, Reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client):
    title = Title.objects.create(name="Momo")
    Copy.objects.create(barcode="W00001", title=title)
    Reader.objects.create(card="R0001", name="Ada")

    def call(what, **body):
        return client.post(f"/desk/{what}/", body, content_type="application/json")

    return call


def test_lend_and_return(desk):
    assert desk("lend", card="R0001", barcode="W00001").status_code == 201
    assert desk("return", barcode="W00001").json() == {"fine": "0.00", "late": 0}


def test_a_copy_is_lent_once(desk):
    desk("lend", card="R0001", barcode="W00001")
    assert desk("lend", card="R0001", barcode="W00001").status_code == 409


def test_what_is_not_on_loan_cannot_come_back(desk):
    assert desk("return", barcode="W00001").status_code == 409


def test_the_ninth_loan_is_refused(desk):
    title = Title.objects.create(name="Y")
    reader = Reader.objects.get(card="R0001")
    for number in range(8):
        copy = Copy.objects.create(barcode=f"Y{number}", title=title)
        Loan.objects.create(copy=copy, reader=reader, lent_on=timezone.localdate())
    assert desk("lend", card="R0001", barcode="W00001").json() == {"error": "too many loans"}


def test_the_account_shows_what_is_late(desk, client):
    desk("lend", card="R0001", barcode="W00001")
    loan = Loan.objects.get()
    loan.lent_on -= timedelta(days=24)
    loan.save()
    body = client.get("/desk/readers/R0001/").json()
    assert body["loans"][0]["fine_today"] == "0.60"
