import gzip
import json
import re
from collections import Counter

from courselens.simulator.dirt import Dirt
from courselens.simulator.events import Kind
from courselens.simulator.shapes import SHAPES, legacy_line, native_line


def test_parsed_and_rejected_lines_add_up_to_the_reported_ones(simulated):
    report = simulated.report
    reasons = Counter()
    for line in simulated.lines:
        if not line:
            reasons["blank"] += 1
            continue
        try:
            json.loads(line)
        except UnicodeDecodeError:
            reasons["not_utf8"] += 1
        except json.JSONDecodeError as error:
            if b"\x00" in line:
                reasons["nul"] += 1
            elif not line.startswith(b"{"):
                reasons["prefix"] += 1
            elif error.msg == "Extra data":
                reasons["glued"] += 1
            else:
                reasons["cut"] += 1
        else:
            reasons["good"] += 1
    assert sum(reasons.values()) == report.lines
    broken = ("blank", "not_utf8", "nul", "prefix", "glued", "cut")
    assert {kind: reasons[kind] for kind in broken} == {
        kind: report.dirt.get(kind, 0) for kind in broken
    }
    more = sum(report.dirt.get(kind, 0) for kind in ("blank", "no_user", "no_course", "duplicate"))
    assert report.lines == report.events + more - report.dirt.get("glued", 0)


def test_course_keys_with_a_newline_and_clocks_ahead_are_as_many_as_reported(simulated):
    contexts = [event["context"] for event in simulated.events]
    newlines = sum(context["course_id"].endswith("\n") for context in contexts)
    assert newlines == simulated.report.dirt.get("course_newline", 0)
    ahead = sum(
        event["source"] == "mobile" and event["time"] > event["context"]["received_at"]
        for event in simulated.events
    )
    assert ahead == simulated.report.dirt.get("future", 0)


def test_about_one_line_in_a_thousand_is_dirty(simulated):
    dirty = sum(simulated.report.dirt.values())
    assert 0.0004 < dirty / simulated.report.events < 0.002
    assert set(simulated.report.dirt) <= {kind.value for kind in Dirt}


def test_every_kind_of_event_has_a_shape_in_which_it_is_json():
    assert set(SHAPES) == set(Kind) - {Kind.PAUSE_ONLY}
    for shape in SHAPES.values():
        for template in (legacy_line(shape), native_line(shape)):
            if template is not None:
                columns = ("answers", "correct_map", "submission")
                for column in columns:
                    template = template.replace(f"<{column}>", "{}")
                template = template.replace("<client>", '"ip": ""')
                assert json.loads(_with_numbers(template))


def _with_numbers(template: str) -> str:
    return re.sub("<[a-z_]+>", "1", template)


def test_payloads_are_objects_from_the_server_and_text_from_browsers(simulated):
    shapes = Counter()
    for line in simulated.lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if "data" in record:
            shapes["native"] += 1
            assert record["context"]["event_source"] in ("browser", "server")
        else:
            implicit = record["event_type"].startswith("/")
            is_text = isinstance(record["event"], str)
            assert is_text == (implicit or record["event_source"] != "server")
            shapes["implicit" if implicit else record["event_source"]] += 1
    assert set(shapes) == {"native", "implicit", "browser", "server", "mobile"}
    assert shapes["implicit"] > 0.25 * sum(shapes.values())


def test_mobile_events_keep_the_devices_time_and_may_arrive_on_a_later_day(simulated):
    late = 0
    for event in simulated.events:
        if event["source"] == "mobile":
            received = event["context"]["received_at"]
            if event["time"] < received:
                late += event["time"][:10] < received[:10]
            else:  # only a clock that runs ahead
                assert int(event["time"][:4]) == int(received[:4]) + 4
    assert late > 0


def test_grade_events_of_the_background_worker_name_no_user(simulated):
    found = [
        event for event in simulated.events if event["type"] == "edx.grades.course.grade_calculated"
    ]
    assert found
    assert all(e["username"] == "" and "user_id" not in e["context"] for e in found)
    assert all(isinstance(event["payload"]["user_id"], str) for event in found)


def test_lines_of_a_file_are_in_the_order_of_arrival(simulated):
    for path in sorted(simulated.folder.glob("*.log.gz"))[-20:]:
        day = path.name.removeprefix("SimX-edx-events-").removesuffix(".log.gz")
        times = []
        for line in gzip.decompress(path.read_bytes()).splitlines():
            if line.startswith(b"{") and b'"event_source": "mobile"' not in line:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                times.append(record.get("time") or record["timestamp"])
        assert [time[:19] for time in times] == sorted(time[:19] for time in times)
        assert {time[:10] for time in times} <= {day}
