"""What a first script waits for: the table of it, and real runs of it."""

import pytest

from benchmarks import first_call


def test_a_first_script_is_set_beside_that_of_the_plain_loop():
    """Medians over the rounds, without the import where shares are formed."""
    def rounds(*totals):  # of processor time after the import of 3 s
        return [[[3.0, 4.0], [total - 1.5, total], *[[0.5, 1.0]] * 3]
                for total in totals]

    lines = first_call.table({
        "auto": rounds(8.0, 99.0, 9.0), "compiled": rounds(20.0, 21.0, 22.0),
        "plain": rounds(7.0, 6.0, 6.0), "lstm": rounds(2.0, 2.0, 2.0)}).splitlines()
    assert len(lines) == 6 and lines[0].count("|") == lines[2].count("|")
    cells = [cell.strip() for cell in lines[2].split("|")[2:-1]]
    assert cells == ["16.0", "12.0", "9.0", "1.50", "7.50", "0.50", "0.50", "0.50"]
    assert lines[4].startswith("| dnc.DNC(jit=False)") and "| 1.00 |" in lines[4]


@pytest.mark.slow
def test_a_first_script_is_run_in_processes_of_its_own(monkeypatch):
    said = []
    monkeypatch.setattr(first_call, "CONTESTANTS", {"plain": "", "auto": ""})
    found = first_call.measure(1, said.append)
    assert len(said) == 2 and list(found) == ["plain", "auto"]
    for (parts,) in found.values():
        assert len(parts) == len(first_call.PARTS)
        assert all(seconds > 0.01 for part in parts for seconds in part)
