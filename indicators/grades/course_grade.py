"""Course grade of students, and how it is spread over a group."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Cost,
    Key,
    Level,
    Parameter,
    Parameters,
    Privacy,
    Sources,
    Tables,
    Value,
    ifelse,
    indicator,
    ir,
    least,
    literal,
    mean,
    null_value,
    numbers_between,
    safe_div,
    total_float,
)
from indicators.intermediates.points import NANO, nano

BINS = 10

DENOMINATOR = Parameter(
    "denominator",
    str,
    "attempted",
    "Whom a group's statistics are about: students with an attempted graded subsection, or all of "
    "them (the rest count as 0).",
    choices=("attempted", "all"),
)


@dataclass(frozen=True, slots=True)
class CourseGrade:
    """Live grade of one student; it is final when the course has ended."""

    ratio: Annotated[float | None, Value("Share of the course's points after weights and drops.")]
    letter_grade: Annotated[str | None, Value("Name of the highest cutoff reached; null if none.")]
    passed: Annotated[bool | None, Value("Whether a letter grade is reached.")]


@dataclass(frozen=True, slots=True)
class GradeBin:
    """Students whose ratio is in [lower, upper); the last bin holds everything from 0.9 on."""

    lower_ratio: Annotated[float, Key("Least ratio of the bin.")]
    upper_ratio: Annotated[float, Key("Ratio that the bin ends before.")]
    learners: Annotated[int | None, Value("Students in it; null where none is counted at all.")]


@dataclass(frozen=True, slots=True)
class GroupCourseGrade:
    """Statistics of `ratio` over the students that `denominator` names."""

    n: Annotated[int | None, Value("Students counted.")]
    n_null: Annotated[int | None, Value("Students not counted: without attempt or grade.")]
    mean: Annotated[float | None, Value("Arithmetic mean.", "ratio")]
    sd: Annotated[float | None, Value("Sample standard deviation; null for one.", "ratio")]
    median: Annotated[float | None, Value("Median.", "ratio")]
    p25: Annotated[float | None, Value("Lower quartile, linear interpolation.", "ratio")]
    p75: Annotated[float | None, Value("Upper quartile.", "ratio")]
    passed_learners: Annotated[int | None, Value("Students who passed, counted or not.")]
    bins: list[GradeBin]


@indicator(
    key="course_grade",
    version=1,
    title="Course grade",
    unit="ratio",
    family="grades",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "course_grades", "grade_bands", "groups", "memberships"),
    parameters=(DENOMINATOR,),
    student=CourseGrade,
    group=GroupCourseGrade,
    summary=False,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
    cost=Cost.LIVE,
)
def course_grade(t: Tables, p: Parameters) -> ir.Table:
    """Return the persistent course grade; null without one.

    The platform rounds it to two decimals. `passed` means a letter grade that is not empty.

    Source: grades_persistentcoursegrade.
    """
    grades = t.course_grades
    letter = grades.letter_grade.nullif("")
    known = grades.select(
        "user_id",
        ratio=grades.percent_grade,
        letter_grade=letter,
        passed=letter.notnull(),
    )
    return t.population.select("user_id").left_join(known, "user_id").drop("user_id_right")


@course_grade.live_for_students(reads=("course_grades",))
async def grades_now(sources: Sources, p: Parameters) -> dict[int, CourseGrade]:
    """The persistent grades as they are now."""
    grades = await sources.students("course_grades")
    return {
        row["user_id"]: CourseGrade(
            ratio=row["percent_grade"],
            letter_grade=row["letter_grade"] or None,
            passed=bool(row["letter_grade"]),
        )
        for row in grades.to_pylist()
    }


@course_grade.for_groups
def of_groups(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Statistics and ten fixed bins over the attempters, or over everybody."""
    members = t.memberships.inner_join(t.grade_bands, "user_id")
    ratio = members.percent_grade
    if p.denominator == "all":
        ratio = ifelse(members.has_attempted, ratio, literal(0.0))
    else:
        ratio = ifelse(members.has_attempted, ratio, null_value("float64"))
    rows = members.select("group_id", "user_id", ratio=ratio)
    counted = rows.filter(rows.ratio.notnull())
    return {"values": _statistics(t, counted), "bins": _bins(t, counted)}


def _statistics(t: Tables, counted: ir.Table) -> ir.Table:
    basic = counted.group_by("group_id").agg(
        n=counted.count(),
        mean=mean(counted.ratio),
        median=counted.ratio.median(),
        p25=counted.ratio.quantile(0.25),
        p75=counted.ratio.quantile(0.75),
    )
    centred = counted.inner_join(basic.select("group_id", "mean"), "group_id")
    deviation = centred.ratio - centred["mean"]
    spread = centred.group_by("group_id").agg(squares=total_float(deviation * deviation))
    passed = t.memberships.semi_join(
        t.course_grades.filter(t.course_grades.letter_grade.nullif("").notnull()), "user_id"
    )
    passes = passed.group_by("group_id").agg(passed_learners=passed.count())
    joined = t.groups.select("group_id", "members")
    for table in (basic, spread, passes):
        joined = joined.left_join(table, "group_id").drop("group_id_right")
    n = joined.n.fill_null(0)
    return joined.select(
        "group_id",
        "mean",
        "median",
        "p25",
        "p75",
        n=n,
        n_null=joined.members - n,
        sd=safe_div(joined.squares, n - 1).sqrt(),
        passed_learners=joined.passed_learners.fill_null(0),
    )


def _bins(t: Tables, counted: ir.Table) -> ir.Table:
    # On billionths, since 0.3 / 0.1 is below 3.
    place = least(nano(counted.ratio) * BINS // NANO, literal(BINS - 1)).cast("int64")
    found = counted.mutate(place=place)
    filled = found.group_by("group_id", "place").agg(learners=found.count())
    sizes = counted.group_by("group_id").agg(n=counted.count())
    places = numbers_between(BINS).unnest().name("place").as_table()
    grid = t.groups.select("group_id").cross_join(places.mutate(place=places.place.cast("int64")))
    joined = grid.left_join(filled, ["group_id", "place"]).drop("group_id_right", "place_right")
    joined = joined.left_join(sizes, "group_id").drop("group_id_right")
    return joined.select(
        "group_id",
        lower_ratio=joined.place / float(BINS),
        upper_ratio=(joined.place + 1) / float(BINS),
        learners=ifelse(joined.n.notnull(), joined.learners.fill_null(0), null_value("int64")),
    )
