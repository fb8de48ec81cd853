"""What the documents of both modulestores have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_POLICY: Mapping[str, object] = {
    "GRADER": [
        {"type": "Homework", "min_count": 12, "drop_count": 2, "weight": 0.15},
        {"type": "Lab", "min_count": 12, "drop_count": 2, "weight": 0.15},
        {"type": "Midterm Exam", "min_count": 1, "drop_count": 0, "weight": 0.3},
        {"type": "Final Exam", "min_count": 1, "drop_count": 0, "weight": 0.4},
    ],
    "GRADE_CUTOFFS": {"Pass": 0.5},
}
"""The platform's: what holds for a course that never set a policy of its own."""


def as_mapping(value: object) -> Mapping[str, Any]:
    """A part of a document; empty where there is none."""
    return value if isinstance(value, Mapping) else {}


def read_policy(content: Mapping[str, Any]) -> Mapping[str, object]:
    """Grading policy among the content fields of a course, the platform's where it has none."""
    policy = content.get("grading_policy")
    return policy if isinstance(policy, Mapping) else DEFAULT_POLICY
