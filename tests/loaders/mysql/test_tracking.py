from __future__ import annotations

from loaders.mysql.connection import MySQL
from loaders.mysql.tracking import read_tracking_log
from tests.mariadb import run_on_mysql

LOG = (
    "INSERT INTO track_trackinglog (id, dtcreated, username, ip, event_source, event_type, event,"
    " agent, page, time, host) VALUES "
)


async def read(url, **options):
    async with MySQL(url) as database:
        return [page async for page in read_tracking_log(database, **options)]


async def test_rows_come_in_the_legacy_envelope_without_addresses(empty_installation):
    run_on_mysql(
        empty_installation,
        f"{LOG} (7, NOW(), 'ann', '10.0.0.1', 'browser', 'seq_next', '{{\"old\": 1}}', 'Mozilla',"
        " 'https://lms/courses/O/C/R/courseware/', '2014-03-01 10:00:00.5', 'lms-1')",
    )
    (page,) = await read(empty_installation)

    assert page.ids == (7,)
    assert page.last_id == 7
    assert page.events == (
        {
            "username": "ann",
            "event_source": "browser",
            "event_type": "seq_next",
            "event": '{"old": 1}',
            "page": "https://lms/courses/O/C/R/courseware/",
            "time": "2014-03-01T10:00:00.500000+00:00",
            "context": {},
        },
    )


async def test_it_is_read_page_by_page_and_goes_on_after_the_last_row(empty_installation):
    rows = ", ".join(
        f"({n}, NOW(), 'u{n}', '', '', 't', '', '', NULL, NOW(), '')" for n in range(1, 6)
    )
    run_on_mysql(empty_installation, LOG + rows)

    pages = await read(empty_installation, page_rows=2)
    assert [[event["username"] for event in page.events] for page in pages] == [
        ["u1", "u2"], ["u3", "u4"], ["u5"],
    ]  # fmt: skip
    assert await read(empty_installation, after_id=pages[-1].last_id) == []
    (rest,) = await read(empty_installation, after_id=3)
    assert [event["username"] for event in rest.events] == ["u4", "u5"]
