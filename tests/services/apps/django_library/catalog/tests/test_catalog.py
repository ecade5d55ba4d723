import pytest

from catalog.models import Copy, Title

pytestmark = pytest.mark.django_db


@pytest.fixture
def momo():
    title = Title.objects.create(name="Momo", author="Michael Ende", year=1973)
    Copy.objects.create(barcode="W00001", title=title, shelf="K-END")
    return title


def test_search_takes_every_word(client, momo):
    assert client.get("/catalog/", {"q": "momo ende"}).json()["count"] == 1
    assert client.get("/catalog/", {"q": "momo grass"}).json()["count"] == 0


def test_a_page_beyond_the_last_is_the_last(client, momo):
    assert len(client.get("/catalog/", {"page": "99"}).json()["titles"]) == 1


def test_detail_lists_copies(client, momo):
    body = client.get(f"/catalog/{momo.pk}/").json()
    assert body["copies"] == [{"barcode": "W00001", "shelf": "K-END", "available": True}]


def test_unknown_title(client):
    assert client.get("/catalog/99/").status_code == 404
