"""What each kind of event looks like in a tracking log.

A template holds `<column>` places, filled by columns.py; everything else is written as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from courselens.simulator.course import EXPERIMENT_PARTITION
from courselens.simulator.events import Kind
from courselens.simulator.options import ORG
from courselens.simulator.wording import HOST


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind is logged.

    `actor` is whose request it was: `user`, `staff` (a member of the course team acts on the
    learner) or `worker` (a background task, without user). `payload` is JSON unless `is_text`.
    `source` is `implicit` for requests that the server logs by their path.
    """

    type: str
    payload: str
    source: str = "browser"
    name: str | None = None
    path: str = "/event"
    has_module: bool = False
    actor: str = "user"
    is_text: bool = False


_COURSE = "/courses/<course_key>"
_HANDLER = _COURSE + "/xblock/<block_key>/handler/xmodule_handler/"
_VIDEO = '"id": "<block_id>", "code": "<video_code>", "duration": <video_seconds>'
_APP_VIDEO = '"id": "<block_id>", "code": "mobile"'
_GRADED = (
    '"event_transaction_id": "<uuid>", "event_transaction_type": "edx.grades.problem.submitted"'
)
_FORUM = (
    '"commentable_id": "<topic>", "category_name": "General", "user_forums_roles": ["Student"], '
    '"user_course_roles": []'
)
_TAB = '"id": "<block_key>", "current_tab": <a>, "tab_count": <c>, "widget_placement": "top"'
_TURN = _TAB + ', "target_tab": <b>, "old": <a>, "new": <b>'
_URLS = f'"current_url": "https://{HOST}/courses/<course_key>/course/"'
_TARGET = f'"target_url": "https://{HOST}<page_path>"'


def _implicit(path: str, post: str = "{}", get: str = "{}") -> Shape:
    return Shape(path, f'{{"GET": {get}, "POST": {post}}}', source="implicit", path=path)


def _block(name: str, payload: str, handler: str) -> Shape:
    return Shape(name, payload, "server", name, _HANDLER + handler, has_module=True)


def _worker(name: str, payload: str) -> Shape:
    return Shape(name, payload, "server", name, "", actor="worker")


def _server(name: str, payload: str, path: str) -> Shape:
    return Shape(name, payload, "server", name, path)


def _app(event_type: str, name: str, extra: str) -> Shape:
    return Shape(event_type, "{" + _APP_VIDEO + extra + "}", "mobile", name, "/segment/event")


def _video(event_type: str, extra: str) -> Shape:
    return Shape(event_type, "{" + _VIDEO + extra + "}")


_ENROLMENT = '{"course_id": "<course_key>", "user_id": <user_id>, "mode": "<mode>"}'
_CHECK = (
    '{"problem_id": "<block_key>", "attempts": <a>, "success": "<success>", "grade": <b>, '
    '"max_grade": <max_grade>, "answers": <answers>, "correct_map": <correct_map>, '
    '"submission": <submission>, "state": {"correct_map": {}, "done": null, "input_state": {}, '
    '"seed": 1, "student_answers": {}}}'
)

SHAPES: dict[Kind, Shape] = {
    Kind.HOME_VIEW: _implicit(_COURSE + "/course/"),
    Kind.COURSEWARE_VIEW: _implicit("<page_path>"),
    Kind.OUTLINE_SELECTED: Shape(
        "edx.ui.lms.outline.selected",
        "{" + _URLS + ", " + _TARGET + ', "target_name": "<block_name>", '
        '"widget_placement": "accordion"}',
        name="edx.ui.lms.outline.selected",
    ),
    Kind.LINK_CLICKED: Shape(
        "edx.ui.lms.link_clicked",
        "{" + _URLS + ", " + _TARGET + "}",
        name="edx.ui.lms.link_clicked",
    ),
    Kind.SEQ_NEXT: Shape("seq_next", "{" + _TURN + "}", name="edx.ui.lms.sequence.next_selected"),
    Kind.SEQ_PREV: Shape(
        "seq_prev", "{" + _TURN + "}", name="edx.ui.lms.sequence.previous_selected"
    ),
    Kind.SEQ_GOTO: Shape("seq_goto", "{" + _TURN + "}", name="edx.ui.lms.sequence.tab_selected"),
    Kind.SEQ_NEXT_OUT: Shape(
        "edx.ui.lms.sequence.next_selected",
        "{" + _TAB + "}",
        name="edx.ui.lms.sequence.next_selected",
    ),
    Kind.GOTO_POSITION: _implicit(_HANDLER + "goto_position", post='{"position": ["<b>"]}'),
    Kind.PAGE_CLOSE: Shape("page_close", "{}"),
    Kind.PROBLEM_GET: _implicit(_HANDLER + "problem_get"),
    Kind.PROGRESS_VIEW: _implicit(_COURSE + "/progress"),
    Kind.WIKI_VIEW: _implicit(_COURSE + "/wiki/<course_slug>/"),
    Kind.DATES_VIEW: _implicit(_COURSE + "/dates"),
    Kind.BOOK_PAGE: Shape(
        "book", '{"type": "nextpage", "chapter": "/static/book.pdf", "old": <a>, "new": <b>}'
    ),
    Kind.HTML_SEEN: _implicit(
        _COURSE + "/xblock/<block_key>/handler/publish_completion", post='{"completion": ["1.0"]}'
    ),
    Kind.LOAD_VIDEO: _video("load_video", ""),
    Kind.PLAY_VIDEO: _video("play_video", ', "currentTime": <a_seconds>'),
    Kind.PAUSE_VIDEO: _video("pause_video", ', "currentTime": <a_seconds>'),
    Kind.STOP_VIDEO: _video("stop_video", ', "currentTime": <a_seconds>'),
    Kind.SEEK_VIDEO: _video(
        "seek_video", ', "old_time": <a_seconds>, "new_time": <b_seconds>, "type": "onSlideSeek"'
    ),
    Kind.SPEED_CHANGE: _video(
        "speed_change_video",
        ', "current_time": <a_seconds>, "old_speed": "<b_speed>", "new_speed": "<c_speed>"',
    ),
    Kind.SHOW_TRANSCRIPT: _video("show_transcript", ', "current_time": <a_seconds>'),
    Kind.HIDE_TRANSCRIPT: _video("hide_transcript", ', "current_time": <a_seconds>'),
    Kind.SAVE_STATE: _implicit(
        _HANDLER + "save_user_state", post='{"saved_video_position": ["<a_clock>"]}'
    ),
    Kind.TRANSCRIPT_GET: _implicit(
        _COURSE + "/xblock/<block_key>/handler/transcript/translation/en",
        get='{"videoId": ["<video_code>"]}',
    ),
    Kind.MOBILE_LOAD: _app("load_video", "edx.video.loaded", ""),
    Kind.MOBILE_PLAY: _app("play_video", "edx.video.played", ', "currentTime": <a_seconds>'),
    Kind.MOBILE_PAUSE: _app("pause_video", "edx.video.paused", ', "currentTime": <a_seconds>'),
    Kind.MOBILE_STOP: _app("stop_video", "edx.video.stopped", ', "currentTime": <a_seconds>'),
    Kind.MOBILE_SEEK: _app(
        "seek_video",
        "edx.video.position.changed",
        ', "old_time": <a_seconds>, "new_time": <b_seconds>, "type": "onSlideSeek"',
    ),
    Kind.CHECK_FORM: Shape("problem_check", "<form>", is_text=True),
    Kind.CHECK_POST: _implicit(_HANDLER + "problem_check", post='{"input": ["<form>"]}'),
    Kind.CHECK: _block("problem_check", _CHECK, "problem_check"),
    Kind.CHECK_FAIL: _block(
        "problem_check_fail",
        '{"problem_id": "<block_key>", "failure": "closed", "answers": <answers>, "state": {}}',
        "problem_check",
    ),
    Kind.HINT_POST: _implicit(_HANDLER + "hint_button", post='{"hint_index": ["<a>"]}'),
    Kind.HINT: _block(
        "edx.problem.hint.demandhint_displayed",
        '{"module_id": "<block_key>", "hint_index": <a>, "hint_len": <hint_len>, '
        '"hint_text": "Look at the units."}',
        "hint_button",
    ),
    Kind.SHOWANSWER: _block("showanswer", '{"problem_id": "<block_key>"}', "problem_show"),
    Kind.PROBLEM_SHOW: Shape("problem_show", '{"problem": "<block_id>"}'),
    Kind.GRADE_PROBLEM: _block(
        "edx.grades.problem.submitted",
        '{"user_id": "<user_id>", "course_id": "<course_key>", "problem_id": "<block_key>", '
        '"weighted_earned": <a_points>, "weighted_possible": <b_points>, ' + _GRADED + "}",
        "problem_check",
    ),
    Kind.GRADE_SUBSECTION: _worker(
        "edx.grades.subsection.grade_calculated",
        '{"user_id": "<user_id>", "course_id": "<course_key>", "block_id": "<block_key>", '
        '"course_version": "<course_version>", "weighted_total_earned": <a_points>, '
        '"weighted_total_possible": <b_points>, "weighted_graded_earned": <a_graded>, '
        '"weighted_graded_possible": <b_graded>, "first_attempted": "<first_attempted>", '
        + _GRADED
        + "}",
    ),
    Kind.GRADE_COURSE: _worker(
        "edx.grades.course.grade_calculated",
        '{"user_id": "<user_id>", "course_id": "<course_key>", "percent_grade": <a_percent>, '
        '"letter_grade": "<b_letter>", "course_version": "<course_version>", '
        '"grading_policy_hash": "<policy_hash>", ' + _GRADED + "}",
    ),
    Kind.PASSED_FIRST: _worker(
        "edx.course.grade.passed.first_time",
        '{"user_id": "<user_id>", "course_id": "<course_key>", ' + _GRADED + "}",
    ),
    Kind.NOW_PASSED: _worker(
        "edx.course.grade.now_passed",
        '{"user_id": "<user_id>", "course_id": "<course_key>", ' + _GRADED + "}",
    ),
    Kind.NOW_FAILED: _worker(
        "edx.course.grade.now_failed",
        '{"user_id": "<user_id>", "course_id": "<course_key>", ' + _GRADED + "}",
    ),
    Kind.OVERRIDE: Shape(
        "edx.grades.subsection.score_overridden",
        '{"user_id": "<user_id>", "course_id": "<course_key>", "block_id": "<block_key>", '
        '"weighted_graded_earned": <a_points>, "weighted_graded_possible": <b_points>, '
        '"event_transaction_id": "<uuid>"}',
        "server",
        "edx.grades.subsection.score_overridden",
        _COURSE + "/instructor/api/override_grade",
        actor="staff",
    ),
    Kind.COMPLETION: _block(
        "edx.completion.block_completion.changed",
        '{"user_id": <user_id>, "course_id": "<course_key>", "context_key": "<course_key>", '
        '"block_id": "<block_key>", "block_type": "<block_type>", "completion": 1.0, '
        '"is_new": true}',
        "publish_completion",
    ),
    Kind.CERTIFICATE: _worker(
        "edx.certificate.created",
        '{"user_id": <user_id>, "course_id": "<course_key>", "certificate_id": "<session>", '
        '"enrollment_mode": "<mode>", "generation_mode": "batch"}',
    ),
    Kind.FORUM_VIEW: _implicit(
        _COURSE + "/discussion/forum/<topic>/threads/<a_post>", get='{"ajax": ["1"]}'
    ),
    Kind.THREAD_CREATED: _server(
        "edx.forum.thread.created",
        '{"id": "<a_post>", ' + _FORUM + ', "thread_type": "discussion", "title": "About this", '
        '"body": "Could someone explain?", "truncated": false, "anonymous": false, '
        '"anonymous_to_peers": false, "group_id": null, "options": {"followed": true}}',
        _COURSE + "/discussion/<topic>/threads/create",
    ),
    Kind.THREAD_VIEWED: _server(
        "edx.forum.thread.viewed",
        '{"id": "<a_post>", ' + _FORUM + ', "title": "About this", "target_username": "<c_user>"}',
        _COURSE + "/discussion/forum/<topic>/threads/<a_post>",
    ),
    Kind.THREAD_VOTED: _server(
        "edx.forum.thread.voted",
        '{"id": "<a_post>", ' + _FORUM + ', "vote_value": "up", "undo_vote": false, '
        '"target_username": "<c_user>"}',
        _COURSE + "/discussion/threads/<a_post>/upvote",
    ),
    Kind.RESPONSE_CREATED: _server(
        "edx.forum.response.created",
        '{"id": "<a_post>", ' + _FORUM + ', "discussion": {"id": "<c_post>"}, '
        '"body": "This is how I see it.", "truncated": false}',
        _COURSE + "/discussion/threads/<c_post>/reply",
    ),
    Kind.RESPONSE_VOTED: _server(
        "edx.forum.response.voted",
        '{"id": "<a_post>", ' + _FORUM + ', "discussion": {"id": "<b_post>"}, '
        '"vote_value": "up", "undo_vote": false, "target_username": "<c_user>"}',
        _COURSE + "/discussion/comments/<a_post>/upvote",
    ),
    Kind.COMMENT_CREATED: _server(
        "edx.forum.comment.created",
        '{"id": "<a_post>", ' + _FORUM + ', "discussion": {"id": "<c_post>"}, '
        '"response": {"id": "<b_post>"}, "body": "Thank you!", "truncated": false}',
        _COURSE + "/discussion/comments/<b_post>/reply",
    ),
    Kind.ACTIVATED: _server("edx.course.enrollment.activated", _ENROLMENT, "/change_enrollment"),
    Kind.DEACTIVATED: _server(
        "edx.course.enrollment.deactivated", _ENROLMENT, "/change_enrollment"
    ),
    Kind.MODE_CHANGED: _server(
        "edx.course.enrollment.mode_changed", _ENROLMENT, "/commerce/checkout"
    ),
    Kind.COHORT_ADDED: _server(
        "edx.cohort.user_added",
        '{"cohort_id": <cohort_id>, "cohort_name": "<cohort_name>", "user_id": <user_id>}',
        "<page_path>",
    ),
    Kind.ARM_ASSIGNED: _server(
        "xmodule.partitions.assigned_user_to_partition",
        f'{{"partition_id": {EXPERIMENT_PARTITION}, "partition_name": "Order of the example", '
        '"group_id": <a>, "group_name": "<arm_name>"}',
        "<page_path>",
    ),
    Kind.ARM_RENDERED: Shape(
        "xblock.split_test.child_render",
        '{"child_id": "<block_key>"}',
        "server",
        "xblock.split_test.child_render",
        _HANDLER + "log_child_render",
        has_module=True,
    ),
    Kind.LIBRARY_ASSIGNED: Shape(
        "edx.librarycontentblock.content.assigned",
        '{"location": "<block_key>", "previous_count": 0, "max_count": 2, "added": [], '
        '"result": []}',
        "server",
        "edx.librarycontentblock.content.assigned",
        "<page_path>",
        has_module=True,
    ),
    Kind.LIST_STUDENTS: Shape(
        "list-students", "{}", "server", None, _COURSE + "/instructor/api/get_students_features"
    ),
    Kind.DUMP_GRADES: Shape(
        "dump-grades", "{}", "server", None, _COURSE + "/instructor/api/get_grading_config"
    ),
}

_CLIENT = '"session": "<session>", <client>'
_REFERER = f'"referer": "https://{HOST}<page_path>"'
_NOBODY = f'"session": "", "ip": "", "agent": "", "host": "{HOST}", "accept_language": ""'
_APPLICATION = (
    ', "application": {"name": "edx.mobileapp.android", "version": "5.1.0"}, "client": {"device": '
    '{"manufacturer": "unknown", "type": "android"}, "os": {"name": "REL", "version": "14"}}, '
    '"component": "videoplayer", "received_at": "<received>"'
)


def legacy_line(shape: Shape) -> str:
    """Template of a line in the envelope of log files and data packages."""
    who, context, rest = _envelope(shape)
    source = "server" if shape.source == "implicit" else shape.source
    name = f', "name": "{shape.name}"' if shape.name else ""
    payload = shape.payload
    if shape.source != "server":
        payload = payload if shape.is_text else payload.replace('"', '\\"')
        payload = f'"{payload}"'
    return (
        f'{{"username": "{who}", "event_type": "{shape.type}"{name}, "event": {payload}, '
        f'"event_source": "{source}", "context": {{{context}}}, "time": "<time>", {rest}, '
        f'"page": {_page(shape)}}}\n'
    )


def native_line(shape: Shape) -> str | None:
    """Template of a line in the event bus's own envelope; None for kinds that have none."""
    if shape.source not in ("browser", "server") or shape.actor != "user":
        return None
    who, context, rest = _envelope(shape)
    payload = f'"{shape.payload}"' if shape.is_text else shape.payload
    return (
        f'{{"name": "{shape.name or shape.type}", "timestamp": "<time>", "data": {payload}, '
        f'"context": {{{context}, "username": "{who}", "event_source": "{shape.source}", {rest}, '
        f'"page": {_page(shape)}, "client_id": null}}}}\n'
    )


def _envelope(shape: Shape) -> tuple[str, str, str]:
    where = f'"org_id": "{ORG}", "course_id": "<course_key>", "path": "{shape.path}"'
    if shape.actor == "worker":
        return "", where, f'{_NOBODY}, "referer": ""'
    if shape.actor == "staff":
        context = f'"user_id": <staff_id>, {where}'
        return "<staff_name>", context, f"{_NOBODY}, {_REFERER}"
    context = f'"user_id": <user_id>, {where}'
    if shape.source == "mobile":
        return "<username>", context + _APPLICATION, f'"session": "", <client>, {_REFERER}'
    if shape.has_module:
        context += (
            ', "course_user_tags": {}, "module": {"display_name": "<block_name>", '
            '"usage_key": "<block_key>"}'
        )
    return "<username>", context, f"{_CLIENT}, {_REFERER}"


def _page(shape: Shape) -> str:
    if shape.source in ("browser", "mobile"):
        return f'"https://{HOST}<page_path>"'
    return '"x_module"' if shape.has_module else "null"
