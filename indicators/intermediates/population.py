"""Who counts: everybody of a course, the population L, and the ever enrolled E (catalogue 1.1)."""

from __future__ import annotations

from courselens.plugin import (
    RETIRED_PREFIX,
    Parameters,
    Tables,
    cases,
    intermediate,
    ir,
    literal,
    null_value,
    row_number,
)
from indicators.intermediates.enrollment_states import (
    ACTIVATED,
    UNKNOWN_MODE,
    changes_of,
    states_after,
)

PERSON = {
    "user_id": "int",
    "username": "string",
    "mode": "string",
    "cohort": "string",
    "year_of_birth": "int",
    "gender": "string",
    "level_of_education": "string",
    "country": "string",
    "enrolled_us": "int",
}


@intermediate(
    name="people",
    columns={**PERSON, "is_enrolled": "bool", "in_l": "bool", "in_e": "bool", "reason": "string"},
    uses=("enrollments", "events", "profiles", "course_roles", "cohort_members"),
)
def people(t: Tables, p: Parameters) -> ir.Table:
    """Everybody ever enrolled (or active, where enrolment is unknown): in L, in E, and why not.

    `reason` is null for members of L, else unenrolled, staff or retired. `enrolled_us` is the first
    enrolment: creation of the row or the first `activated` event, whichever is earlier (1.14).
    `is_enrolled` is the state itself, whatever the parameters ask to include.
    """
    rows = {"enrollment": _by_rows, "enr_events": _by_events}.get(p.population_basis, _seen)(t)
    if p.is_insights:
        seen = _seen(t)
        rows = rows.union(seen.anti_join(rows, "user_id"))
    rows = _describe(rows, t)
    is_team = rows.is_team.fill_null(False) | rows.is_staff.fill_null(False)
    reason = cases(
        (rows.username.startswith(RETIRED_PREFIX).fill_null(False), "retired"),
        (is_team & literal(not (p.include_staff or p.is_insights)), "staff"),
        (~rows.is_enrolled & literal(not (p.include_unenrolled or p.is_insights)), "unenrolled"),
        else_=null_value("string"),
    )
    judged = rows.mutate(reason=reason).drop("is_team", "is_staff")
    return judged.mutate(
        in_l=judged.reason.isnull(),
        in_e=judged.reason.isnull() | (judged.reason == "unenrolled").fill_null(False),
    )


@intermediate(name="population", columns=PERSON, needs=("people",))
def population(t: Tables, p: Parameters) -> ir.Table:
    """One row per member of L: the enrolled, less course team and retired accounts."""
    return t.people.filter(t.people.in_l).select(*PERSON)


@intermediate(name="ever_enrolled", columns={**PERSON, "is_enrolled": "bool"}, needs=("people",))
def ever_enrolled(t: Tables, p: Parameters) -> ir.Table:
    """One row per member of E: as L, with those who left."""
    return t.people.filter(t.people.in_e).select(*PERSON, "is_enrolled")


def _by_rows(t: Tables) -> ir.Table:
    """Enrolment rows, with the first activation where the logs know an earlier one."""
    first = _first_activation(t)
    joined = t.enrollments.left_join(first, "user_id")
    return joined.select(
        "user_id",
        "mode",
        is_enrolled=joined.is_active.fill_null(False),
        enrolled_us=cases(
            (joined.created_us.isnull(), joined.activated_us),
            (joined.activated_us < joined.created_us, joined.activated_us),
            else_=joined.created_us,
        ),
    )


def _by_events(t: Tables) -> ir.Table:
    """The state after a learner's last enrolment event; it began with the first activation.

    Without one, the first event that is known of.
    """
    states = states_after(changes_of(t.events))
    ranked = states.mutate(
        place=row_number(states, "user_id", order_by=[states.ts_us.desc(), states.event_id.desc()]),
        first_us=states.ts_us.min().over(group_by="user_id"),
    )
    last = ranked.filter(ranked.place == 0)
    joined = last.left_join(_first_activation(t), "user_id")
    return joined.select(
        "user_id",
        "is_enrolled",
        mode=joined.mode.nullif(UNKNOWN_MODE),
        enrolled_us=joined.activated_us.fill_null(joined.first_us),
    )


def _first_activation(t: Tables) -> ir.Table:
    activations = t.events.filter(t.events.event_type == ACTIVATED)
    return activations.group_by("user_id").agg(activated_us=activations.ts_us.min())


def _seen(t: Tables) -> ir.Table:
    """Users with an activity event."""
    return (
        t.events.filter(t.events.is_activity)
        .select("user_id")
        .distinct()
        .mutate(
            mode=null_value("string"), is_enrolled=literal(True), enrolled_us=null_value("int64")
        )
    )


def _describe(rows: ir.Table, t: Tables) -> ir.Table:
    """Add name, profile, cohort and team membership."""
    profiles = t.profiles.select(
        "user_id",
        "is_staff",
        "year_of_birth",
        "gender",
        "level_of_education",
        "country",
        profile_name="username",
    )
    cohorts = t.cohort_members.select("user_id", "cohort")
    roles = t.course_roles
    is_global = (roles.course_key.nullif("").isnull()) & (roles.org.nullif("").isnull())
    team = roles.filter(~is_global).select("user_id").distinct().mutate(is_team=literal(True))
    for described in (profiles, cohorts, team):
        rows = rows.left_join(described, "user_id").drop("user_id_right")
    if t.has("profiles"):
        return rows.rename(username="profile_name")
    named = t.events.filter(t.events.username.notnull())
    names = named.group_by("user_id").agg(username=named.username.max())
    return rows.drop("profile_name").left_join(names, "user_id").drop("user_id_right")
