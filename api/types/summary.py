"""What a group has for free from every numeric student field, and a student's place in it."""

from __future__ import annotations

from api.records import Column, Nested, Record

HISTOGRAM_BIN = Record(
    "HistogramBin",
    "One bin of a histogram: `lower <= value < upper`, the last bin closed.",
    (
        Column("lower", float, "Least value; null where it would tell about too few people."),
        Column("upper", float, "Greatest value; null likewise."),
        Column("count", int, "Students in it.", nullable=False),
    ),
)

STATISTIC_FIELDS: tuple[Column | Nested, ...] = (
    Column("n", int, "Students with a value."),
    Column("n_null", int, "Students without one."),
    Column("mean", float, "Arithmetic mean."),
    Column("sd", float, "Sample standard deviation; null for one student."),
    Column("median", float, "Median."),
    Column("p25", float, "Lower quartile, linear interpolation."),
    Column("p75", float, "Upper quartile."),
    Column("sum", float, "Sum, of seconds and counts only."),
    Column("minimum", float, "Least value."),
    Column("maximum", float, "Greatest value."),
    Nested("histogram", HISTOGRAM_BIN, "20 equal bins, or fewer.", is_list=True),
)

SUMMARY = Record(
    "Summary",
    "Statistics of one number over the students of a group (nulls left out).",
    STATISTIC_FIELDS,
)

STANDING = Record(
    "Standing",
    "A student's place among all students of the course.",
    (
        Column("percentile", float, "Share below, plus half of those equal, 0 to 100."),
        Column("class_mean", float, "Mean of the class."),
        Column("class_median", float, "Median of the class."),
        Column("class_p25", float, "Lower quartile of the class."),
        Column("class_p75", float, "Upper quartile of the class."),
        Column("n", int, "Students of the class with a value."),
    ),
)
