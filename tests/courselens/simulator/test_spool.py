import gzip
import json

import numpy as np

from courselens.simulator.columns import Columns
from courselens.simulator.course import build_course
from courselens.simulator.events import Kind, make_events
from courselens.simulator.lines import LineMaker
from courselens.simulator.logs import write_day
from courselens.simulator.options import DAY_US, HOUR_US, Options
from courselens.simulator.people import make_people
from courselens.simulator.spool import spool

DAY = Options().start_us // DAY_US


def at(*hours):
    return make_events(DAY * DAY_US + np.array(hours) * HOUR_US, 7, 0, Kind.HOME_VIEW)


def test_a_day_and_a_part_of_it_are_read_back(tmp_path):
    chunk = spool(tmp_path / "chunk", at(1, 5, 23, 30))
    assert [chunk.count(DAY + nth) for nth in (-1, 0, 1, 2)] == [0, 3, 1, 0]
    begin = DAY * DAY_US
    assert len(chunk.between(begin, begin + DAY_US)) == 3
    middle = chunk.between(begin + 5 * HOUR_US, begin + 23 * HOUR_US)
    assert middle["at_us"].tolist() == [begin + 5 * HOUR_US]


def test_nothing_can_be_spooled(tmp_path):
    chunk = spool(tmp_path / "chunk", at())
    assert chunk.count(DAY) == 0
    assert len(chunk.between(DAY * DAY_US, (DAY + 1) * DAY_US)) == 0


def test_a_busy_day_is_written_in_parts_without_losing_a_line(tmp_path):
    options = Options(students=3)
    course = build_course(options, 0)
    maker = LineMaker(Columns(make_people(options), [course]))
    chunks = [
        spool(tmp_path / "one", at(0, 8, 9, 10)),
        spool(tmp_path / "two", at(3, 9, 21, 22, 23)),
    ]
    done = []
    log = write_day(
        tmp_path, DAY, chunks, maker, [course], seed=1, written=done.append, span=3, size=2
    )
    lines = gzip.decompress(log.path.read_bytes()).splitlines()
    hours = [int(json.loads(line)["time"][11:13]) for line in lines if line]
    assert hours == [0, 3, 8, 9, 9, 10, 21, 22, 23]
    assert log.events == sum(done) == 9
