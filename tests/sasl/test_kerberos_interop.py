"""GNU SASL and Cyrus SASL as the other side of Kerberos, in both roles."""

from __future__ import annotations

import pytest

from sasl import cyrus, gsasl, realm
from sasl.kerberos_matrix import CELLS, Cell, Failed, Terms, faults, refuses, run, there

MARKS = {"gsasl": [gsasl.needed], "cyrus": [cyrus.needed], "ours": []}
BY_WHOM = [
    pytest.param(cell, marks=MARKS[cell.peer], id="-".join((*filter(None, cell.row), *cell[1:])))
    for cell in CELLS
    if there(cell)
]

pytestmark = realm.needed


@pytest.mark.parametrize("cell", BY_WHOM)
def test_exchange(cell: Cell) -> None:
    if refuses(cell):
        with pytest.raises(Failed):
            run(cell, Terms(cell.row), Terms(cell.row))
    else:
        assert faults(cell) == ()


@gsasl.needed
@cyrus.needed
def test_what_is_not_there() -> None:
    assert "GS2-KRB5-PLUS" not in gsasl.mechanisms()
    assert "KRB5-U2U" not in gsasl.mechanisms() | cyrus.library().mechanisms()
