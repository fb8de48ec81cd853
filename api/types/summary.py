"""What a group has for free from every numeric student field, and a student's place in it."""

from __future__ import annotations

from api.schema.records import Column, Nested, Record

ITS_OWN = "that of the number"


def in_unit(prose: str, unit: str) -> str:
    """Prose of a number that says its unit."""
    return f"{prose} Unit: {unit}.".strip()


HISTOGRAM_BIN = Record(
    "HistogramBin",
    "One bin of a histogram: `lower <= value < upper`, the last bin closed.",
    (
        Column(
            "lower",
            float,
            in_unit("Least value; null where it would tell about too few people.", ITS_OWN),
        ),
        Column("upper", float, in_unit("Greatest value; null likewise.", ITS_OWN)),
        Column("count", int, "Students in it. Unit: count.", nullable=False),
    ),
)


def statistic_fields(unit: str) -> tuple[Column | Nested, ...]:
    """Statistics of a number of this unit."""

    def measured(name: str, prose: str) -> Column:
        return Column(name, float, in_unit(prose, unit))

    return (
        Column("n", int, "Students with a value. Unit: count."),
        Column("n_null", int, "Students without one. Unit: count."),
        measured("mean", "Arithmetic mean."),
        measured("sd", "Sample standard deviation; null for one student."),
        measured("median", "Median."),
        measured("p25", "Lower quartile, linear interpolation."),
        measured("p75", "Upper quartile."),
        measured("sum", "Sum; null unless values add up, as seconds and counts do."),
        measured("minimum", "Least value."),
        measured("maximum", "Greatest value."),
        Nested("histogram", HISTOGRAM_BIN, "20 equal bins, or fewer.", is_list=True),
    )


SUMMARY = Record(
    "Summary",
    "Statistics of one number over the students of a group (nulls left out).",
    statistic_fields(ITS_OWN),
)

STANDING = Record(
    "Standing",
    "A student's place among all students of the course.",
    (
        Column("percentile", float, "Share below, plus half of those equal, 0 to 100."),
        Column("class_mean", float, in_unit("Mean of the class.", ITS_OWN)),
        Column("class_median", float, in_unit("Median of the class.", ITS_OWN)),
        Column("class_p25", float, in_unit("Lower quartile of the class.", ITS_OWN)),
        Column("class_p75", float, in_unit("Upper quartile of the class.", ITS_OWN)),
        Column("n", int, "Students of the class with a value. Unit: count."),
    ),
)
