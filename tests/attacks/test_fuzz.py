"""Odd texts, thousands of them: a reader answers, or refuses by the error that it documents. The same ones every time.

``make bench`` gives the same readers a million more, guided by what each text reaches (tests/bench/fuzz).
"""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.found import FOUND
from tests.attacks.fuzzing import PIECES, corpus, text_of
from tests.attacks.readers import READERS


@pytest.fixture(autouse=True)
def quiet():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def read(name: str, text: str) -> None:
    try:
        READERS[name].read(text)
    except READERS[name].errors:
        return


@pytest.mark.parametrize("name", READERS)
def test_no_text_breaks_a_reader(name):
    reader = READERS[name]
    for data in corpus(reader):
        read(name, text_of(reader, data))

    @settings(max_examples=15 if reader.slow else 80, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.binary(max_size=60))
    def odd(data: bytes) -> None:
        read(name, text_of(reader, data))

    odd()


@pytest.mark.parametrize(("name", "text"), FOUND)
def test_what_once_broke_a_reader_breaks_it_no_more(name, text):
    read(name, text)


def test_every_piece_can_be_chosen():
    assert len(PIECES) <= 256, "one byte chooses a piece"
