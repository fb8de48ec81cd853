"""Statistics at a glance: what a course is made of."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Key,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    indicator,
    ir,
    literal,
)


@dataclass(frozen=True, slots=True)
class BlocksOfType:
    """Blocks of one type."""

    block_type: Annotated[str, Key("Type, such as problem or video.")]
    blocks: Annotated[int | None, Value("Blocks of this type.")]


@dataclass(frozen=True, slots=True)
class CourseModuleCounts:
    """Blocks per type, by type."""

    rows: list[BlocksOfType]


@indicator(
    key="course_module_counts",
    version=1,
    title="Statistics at a glance",
    unit="blocks",
    family="enrollment",
    levels=(Level.COURSE,),
    needs=("blocks",),
    group=CourseModuleCounts,
    privacy=(Privacy.STAFF,),
)
def course_module_counts(t: Tables, p: Parameters) -> ir.Table:
    """Count the blocks of every type below and with the root of the published course.

    Each block counts once, and so do the children that a library draws from, whoever sees them;
    drafts and blocks that nothing points to do not.

    Source: published structure; Pijeira Díaz et al. 2014 (3.2).
    """
    counts = t.blocks.group_by("block_type").agg(blocks=t.blocks.block_key.nunique())
    return counts.mutate(group_id=literal("course"))
