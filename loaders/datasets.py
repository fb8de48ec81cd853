"""The datasets: what is loaded, the same whatever its source.

A dataset is a named table of raw facts with fixed columns. Instants are `*_us`, integer
microseconds since 1970-01-01 UTC; keys are opaque strings; a missing fact is null. Loaders give
Arrow tables of exactly these schemas, one per dataset, with the rows of every course they hold
(`course_key` tells which); a plan cuts them to one course.
"""

from __future__ import annotations

from loaders.dataset import Dataset

COURSES = Dataset(
    "courses",
    "Course runs: dates, pass marks. Sources: course root of the structure, course overview.",
    {
        "course_key": "string",
        "display_name": "string",
        "org": "string",
        "start_us": "int",
        "end_us": "int",
        "created_us": "int",
        "self_paced": "bool",
        "pass_cutoff": "float",  # lowest non-zero cutoff of the grading policy
        "lowest_passing_grade": "float",  # of the course overview
    },
    ("course_key",),
)

BLOCKS = Dataset(
    "blocks",
    "Course tree in preorder, with inherited settings applied. Source: published structure, OLX.",
    {
        "course_key": "string",
        "block_key": "string",
        "block_type": "string",
        "display_name": "string",
        "position": "int",  # preorder index, the root is 0
        "depth": "int",  # the root is 0
        "parent_key": "string",
        "chapter_key": "string",  # nearest enclosing (or own) chapter, and so on
        "sequential_key": "string",
        "vertical_key": "string",
        "html_id": "string",  # the bare id, or i4x-ORG-COURSE-TYPE-NAME
        "is_leaf": "bool",  # neither course, chapter, sequential, vertical nor wrapper
        "graded": "bool",
        "assignment_type": "string",  # `format` of the nearest sequential
        "released_us": "int",  # latest start of the block and its ancestors; null: always
        "due_us": "int",
        "weight": "float",
        "max_attempts": "int",
        "duration_seconds": "float",  # of a video; null when unknown or 0
        "edx_video_id": "string",  # of a video that the platform stores, else null
        "visible_to_staff_only": "bool",
        "draw_wrapper_key": "string",  # library_content or itembank that draws this block or its
        "draw_child_key": "string",  # ancestor, and that ancestor (or the block) itself
    },
    ("course_key", "block_key"),
)

BLOCK_ACCESS = Dataset(
    "block_access",
    "Who may see a restricted block: every constraint needs one of its groups. Sources: "
    "`group_access` of the block and its ancestors, children of split_test.",
    {
        "course_key": "string",
        "block_key": "string",
        "constraint_key": "string",  # block that sets it, and the partition
        "partition_id": "int",
        "group_id": "int",
    },
    ("course_key", "block_key", "constraint_key", "group_id"),
)

GRADING_POLICY = Dataset(
    "grading_policy",
    "Assignment types of the grading policy in its order. Source: `grading_policy.json`, GRADER.",
    {
        "course_key": "string",
        "assignment_type": "string",
        "position": "int",
        "min_count": "int",
        "drop_count": "int",
        "weight": "float",
    },
    ("course_key", "assignment_type"),
)

ENROLLMENTS = Dataset(
    "enrollments",
    "One row per user and course run for ever. Source: student_courseenrollment.",
    {
        "course_key": "string",
        "user_id": "int",
        "is_active": "bool",
        "mode": "string",
        "created_us": "int",
    },
    ("course_key", "user_id"),
)

ENROLLMENT_HISTORY = Dataset(
    "enrollment_history",
    "States that enrolment rows went through. Source: student_courseenrollment_history.",
    {
        "course_key": "string",
        "history_id": "int",  # breaks ties of changed_us; the beginning of the platform's UUID
        "user_id": "int",
        "changed_us": "int",
        "is_active": "bool",
        "mode": "string",
    },
    ("course_key", "history_id"),
)

PROFILES = Dataset(
    "profiles",
    "Users and their profiles. Sources: auth_user, auth_userprofile.",
    {
        "user_id": "int",
        "username": "string",
        "is_active": "bool",
        "is_staff": "bool",  # global staff or superuser
        "year_of_birth": "int",
        "gender": "string",
        "level_of_education": "string",
        "country": "string",
    },
    ("user_id",),
)

COURSE_ROLES = Dataset(
    "course_roles",
    "Course team. `course_key` null or empty: the role holds for the whole org; org empty too: "
    "global. Source: student_courseaccessrole.",
    {"course_key": "string", "org": "string", "user_id": "int", "role": "string"},
    ("user_id", "org", "course_key", "role"),
)

COHORT_MEMBERS = Dataset(
    "cohort_members",
    "At most one cohort per user and course, with the content group it is linked to. Sources: "
    "course_groups_* tables, cohort membership export.",
    {
        "course_key": "string",
        "user_id": "int",
        "cohort": "string",
        "partition_id": "int",
        "group_id": "int",
    },
    ("course_key", "user_id"),
)

EXPERIMENT_GROUPS = Dataset(
    "experiment_groups",
    "Arm of a learner in a content experiment. Source: user_api_usercoursetag.",
    {"course_key": "string", "user_id": "int", "partition_id": "int", "group_id": "int"},
    ("course_key", "user_id", "partition_id"),
)

MODULE_STATES = Dataset(
    "module_states",
    "State of a learner on a block, the parts that are used. Source: courseware_studentmodule.",
    {
        "course_key": "string",
        "user_id": "int",
        "block_key": "string",
        "block_type": "string",
        "grade": "float",  # raw points; null: not submitted
        "max_grade": "float",
        "attempts": "int",
        "done": "bool",
        "position": "int",
        "saved_video_position_seconds": "float",
        "speed": "float",
        "selected": "strings",  # usage ids of the children drawn by library_content
        "last_submission_us": "int",
        "created_us": "int",
        "modified_us": "int",
    },
    ("course_key", "user_id", "block_key"),
)

MODULE_STATE_HISTORY = Dataset(
    "module_state_history",
    "States that problems went through, one per save. Sources: courseware_studentmodulehistory, "
    "coursewarehistoryextended_studentmodulehistoryextended.",
    {
        "course_key": "string",
        "user_id": "int",
        "block_key": "string",
        "history_id": "int",
        "extended": "bool",  # from the second database, whose ids are its own
        "saved_us": "int",
        "grade": "float",
        "max_grade": "float",
        "attempts": "int",
        "done": "bool",
        "last_submission_us": "int",
    },
    ("course_key", "extended", "history_id"),
)

SUBSECTION_GRADES = Dataset(
    "subsection_grades",
    "Persistent grades of subsections, overrides applied. Source: grades_persistentsubsectiongrade "
    "and its override table.",
    {
        "course_key": "string",
        "user_id": "int",
        "block_key": "string",
        "earned_all": "float",
        "possible_all": "float",
        "earned_graded": "float",
        "possible_graded": "float",
        "first_attempted_us": "int",
        "overridden": "bool",
        "modified_us": "int",
    },
    ("course_key", "user_id", "block_key"),
)

COURSE_GRADES = Dataset(
    "course_grades",
    "Persistent course grade, 0..1. Source: grades_persistentcoursegrade.",
    {
        "course_key": "string",
        "user_id": "int",
        "percent_grade": "float",
        "letter_grade": "string",
        "passed_us": "int",
        "modified_us": "int",
    },
    ("course_key", "user_id"),
)

CERTIFICATES = Dataset(
    "certificates",
    "Generated certificates. Source: certificates_generatedcertificate.",
    {
        "course_key": "string",
        "user_id": "int",
        "status": "string",
        "mode": "string",
        "created_us": "int",
        "modified_us": "int",
    },
    ("course_key", "user_id"),
)

COMPLETIONS = Dataset(
    "completions",
    "Completion of leaf blocks, 0..1. Source: completion_blockcompletion.",
    {
        "course_key": "string",
        "user_id": "int",
        "block_key": "string",
        "block_type": "string",
        "completion": "float",
        "modified_us": "int",
    },
    ("course_key", "user_id", "block_key"),
)

FORUM_POSTS = Dataset(
    "forum_posts",
    "Threads, responses and comments, without their text. Source: forum contents.",
    {
        "course_key": "string",
        "post_id": "string",
        "kind": "string",  # thread, response or comment
        "thread_id": "string",
        "parent_id": "string",
        "thread_type": "string",  # question or discussion
        "commentable_id": "string",
        "user_id": "int",
        "anonymous": "bool",
        "endorsed": "bool",
        "votes_up": "int",
        "votes_down": "int",
        "created_us": "int",
        "updated_us": "int",
    },
    ("course_key", "post_id"),
)

FORUM_ORIGINS = Dataset(
    "forum_origins",
    "Ids that posts had before the forum moved to MySQL. Source: forum_mongocontent.",
    {"post_id": "string", "mongo_id": "string"},
    ("mongo_id",),
)

COURSE_VIDEOS = Dataset(
    "course_videos",
    "Videos of a course and how long they are. Sources: edxval_video, edxval_coursevideo.",
    {
        "course_key": "string",
        "edx_video_id": "string",
        "duration_seconds": "float",  # null: unknown
    },
    ("course_key", "edx_video_id"),
)

PERSONAL_DUE_DATES = Dataset(
    "personal_due_dates",
    "Due dates of single learners, which count instead of the block's. Sources: "
    "edx_when_userdate, edx_when_contentdate.",
    {
        "course_key": "string",
        "user_id": "int",
        "block_key": "string",
        "due_us": "int",
        "relative_us": "int",  # after what the block's own policy gives; null where due_us is set
        "modified_us": "int",
    },
    ("course_key", "user_id", "block_key"),
)

EVENTS = Dataset(
    "events",
    "The events lake: one typed row per valid tracking-log event (catalogue 1.3 to 1.5, 1.16), "
    "without addresses, agents or free text.",
    {
        "course_key": "string",
        "user_id": "int",  # negative: known by username only, see `name_only_user_id`
        "username": "string",  # of the envelope, stripped; null when blank
        "ts_us": "int",  # event time after the clock-skew rule
        "event_id": "int",  # input position; breaks ties of ts_us
        "event_type": "string",  # canonical name
        "source": "string",  # server, browser, mobile or task
        "family": "string",  # nav video prob hint ora forum text enr split other (catalogue 1.20)
        "activity_type": "string",  # video problem forum text other (catalogue 3.2)
        "is_activity": "bool",  # an activity event (catalogue 1.3, code `any`)
        "location": "string",  # block key or pseudo-block; carried from earlier without limit
        # Null: the event names its own location. Else the longest gap between the activity events
        # since the one the location is carried from; over the inactivity limit: `_course_`.
        "location_gap_us": "int",
        "current_seconds": "float",  # currentTime or current_time of a video event
        "old_seconds": "float",  # old_time, new_time of seek_video
        "new_seconds": "float",
        "duration_seconds": "float",
        "success": "string",  # of problem_check, lower case
        "grade": "float",
        "max_grade": "float",
        "attempt": "int",
        "mode": "string",  # of enrolment events
        "old_position": "int",  # of seq_*: `old` or `current_tab`, `new` or `target_tab`, 1-based
        "new_position": "int",
        "hint_index": "int",
        "hint_len": "int",
        "object_id": "string",  # forum object, partition, or other id the family needs
        "course_from_url": "bool",  # course found by the URL fall-backs only
    },
    ("course_key", "user_id", "ts_us", "event_id"),
)

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        COURSES,
        BLOCKS,
        BLOCK_ACCESS,
        GRADING_POLICY,
        ENROLLMENTS,
        ENROLLMENT_HISTORY,
        PROFILES,
        COURSE_ROLES,
        COHORT_MEMBERS,
        EXPERIMENT_GROUPS,
        MODULE_STATES,
        MODULE_STATE_HISTORY,
        SUBSECTION_GRADES,
        COURSE_GRADES,
        CERTIFICATES,
        COMPLETIONS,
        FORUM_POSTS,
        FORUM_ORIGINS,
        COURSE_VIDEOS,
        PERSONAL_DUE_DATES,
        EVENTS,
    )
}
