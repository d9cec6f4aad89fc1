"""The state machines, as data: every state can be reached, and every one can come to an end."""

from __future__ import annotations

import pytest

from msrp_peer.protocol.tables import CONNECTION, TABLES, Machine, Table, Violation


def reachable(table: Table, start: str) -> set[str]:
    found, new = {start}, [start]
    while new:
        for state in table[new.pop()].values():
            if state not in found:
                found.add(state)
                new.append(state)
    return found


def ends(table: Table) -> set[str]:
    """States nothing leads out of."""
    return {state for state, row in table.items() if set(row.values()) <= {state}}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_there(name: str) -> None:
    table, start = TABLES[name]
    assert reachable(table, start) == set(table)


@pytest.mark.parametrize("name", TABLES)
def test_every_state_can_reach_an_end(name: str) -> None:
    table, _ = TABLES[name]
    assert ends(table)
    for state in table:
        assert reachable(table, state) & ends(table), state


@pytest.mark.parametrize("name", TABLES)
def test_a_lost_line_ends_everything(name: str) -> None:
    """Whatever depends on the line must have a row for its loss, or be over."""
    table, _ = TABLES[name]
    event = "broken" if table is CONNECTION else "lost"
    for state, row in table.items():
        if state not in ends(table):
            assert row[event] in ends(table), state


def test_a_machine_walks_its_table() -> None:
    machine = Machine(CONNECTION, "securing")
    assert machine.may("secured")
    assert machine.step("secured") == machine.state == "open"
    assert not machine.over
    assert not machine.may("secured")
    with pytest.raises(Violation, match="'secured' while open"):
        machine.step("secured")
    assert machine.step("broken") == "closed"
    assert machine.over
