import pyarrow as pa

from courselens.simulator.package import tab_separated


def test_text_is_escaped_and_nulls_are_words():
    table = pa.table(
        {
            "id": [1, 2],
            "text": ["a\tb\nc\r\\d", None],
            "at": pa.array([0, None], pa.timestamp("s")),
            "grade": [0.5, None],
        }
    )
    assert bytes(tab_separated(table)) == (
        b"1\ta\\tb\\nc\\r\\\\d\t1970-01-01 00:00:00\t0.5\n2\tNULL\tNULL\tNULL\n"
    )


def test_no_rows_are_no_bytes():
    assert bytes(tab_separated(pa.table({"id": pa.array([], pa.int64())}))) == b""


def test_profiles_come_back_with_their_tabs_and_backslashes(simulated):
    goals = {row["goals"] for row in simulated.table("auth_userprofile")}
    assert goals == {"", "To learn\\practise:\n\tmodels\r\nand more"}


def test_profiles_hold_missing_values_and_odd_codes(simulated):
    rows = simulated.table("auth_userprofile")
    assert {row["gender"] for row in rows} >= {"m", "f", "", None}
    assert any(row["year_of_birth"] is None for row in rows)
    users = {row["id"] for row in simulated.table("auth_user")}
    assert len(users - {row["user_id"] for row in rows}) == 1


def test_a_retired_account_keeps_its_id_and_its_events(simulated):
    (retired,) = [
        row for row in simulated.table("auth_user") if row["username"].startswith("retired__user_")
    ]
    names = {
        event["username"] for event in simulated.events if str(event["user_id"]) == retired["id"]
    }
    assert len(names) == 1
    assert not names.pop().startswith("retired__")
