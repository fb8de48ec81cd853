"""Statistics at a glance: what a course is made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Cost,
    Key,
    Level,
    Parameters,
    Privacy,
    Sources,
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
    cost=Cost.LIVE,
)
def course_module_counts(t: Tables, p: Parameters) -> ir.Table:
    """Count the blocks of every type below and with the root of the published course.

    Each block counts once, and so do the children that a library draws from, whoever sees them;
    drafts and blocks that nothing points to do not.

    Source: published structure; Pijeira Díaz et al. 2014 (3.2).
    """
    counts = t.blocks.group_by("block_type").agg(blocks=t.blocks.block_key.nunique())
    return counts.mutate(group_id=literal("course"))


@course_module_counts.live_for_course(reads=("blocks",))
async def counts_now(sources: Sources, p: Parameters) -> CourseModuleCounts:
    """The blocks of the structure that is published now."""
    blocks = await sources.course("blocks")
    counts = Counter(blocks.column("block_type").to_pylist())
    return CourseModuleCounts([BlocksOfType(*found) for found in sorted(counts.items())])
