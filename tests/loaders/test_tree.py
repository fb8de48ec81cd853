from __future__ import annotations

from loaders.tree import RawBlock, RawCourse, walk_course

COURSE_KEY = "course-v1:Org+Course+Run"


def key(kind, name):
    return f"block-v1:Org+Course+Run+type@{kind}+block@{name}"


ROOT = key("course", "course")


def make_course(*blocks, root_key=ROOT, **options):
    return RawCourse(
        COURSE_KEY, "course.json", {block.block_key: block for block in blocks}, root_key, **options
    )


def block(kind, name, *children, **fields):
    return RawBlock(key(kind, name), kind, fields, children)


def by_name(tree):
    return {place.block.block_key.rsplit("@", 1)[1]: place for place in tree.blocks}


def reasons(tree):
    return [problem.reason.removeprefix(f"{COURSE_KEY}: ") for problem in tree.problems]


def test_blocks_come_in_preorder_with_depth_parent_and_nearest_containers():
    tree = walk_course(
        make_course(
            # The order in the source does not matter, that of the children does.
            block("problem", "p2"),
            block("course", "course", key("chapter", "c1"), key("chapter", "c2")),
            block("chapter", "c1", key("sequential", "s1")),
            block("chapter", "c2"),
            block("sequential", "s1", key("vertical", "v1")),
            block("vertical", "v1", key("problem", "p1"), key("problem", "p2")),
            block("problem", "p1"),
        )
    )

    assert [place.block.block_key.rsplit("@", 1)[1] for place in tree.blocks] == [
        "course", "c1", "s1", "v1", "p1", "p2", "c2",
    ]  # fmt: skip
    assert [place.position for place in tree.blocks] == [0, 1, 2, 3, 4, 5, 6]
    assert [place.depth for place in tree.blocks] == [0, 1, 2, 3, 4, 4, 1]
    problem = by_name(tree)["p2"]
    assert problem.parent_key == key("vertical", "v1")
    assert problem.chapter_key == key("chapter", "c1")
    assert problem.sequential_key == key("sequential", "s1")
    assert problem.vertical_key == key("vertical", "v1")
    assert by_name(tree)["c1"].chapter_key == key("chapter", "c1")
    assert by_name(tree)["c1"].sequential_key is None
    assert tree.problems == ()


def test_dates_attempts_and_staff_only_are_inherited():
    tree = walk_course(
        make_course(
            block("course", "course", key("chapter", "c"), start="1970-01-01T00:00:02Z"),
            block(
                "chapter",
                "c",
                key("sequential", "s"),
                due="1970-01-01T00:00:09Z",
                visible_to_staff_only=True,
                max_attempts=3,
            ),
            block(
                "sequential",
                "s",
                key("problem", "p"),
                key("problem", "q"),
                start="1970-01-01T00:00:01Z",
            ),
            block("problem", "p"),
            block(
                "problem",
                "q",
                start="1970-01-01T00:00:05Z",
                due="1970-01-01T00:00:08Z",
                max_attempts="1",
                visible_to_staff_only=False,
            ),
        )
    )

    p, q = by_name(tree)["p"].settings, by_name(tree)["q"].settings
    # The sequential starts before the course, but nobody gets in before the course does.
    assert (p.released_us, p.due_us, p.max_attempts) == (2_000_000, 9_000_000, 3)
    assert (q.released_us, q.due_us, q.max_attempts) == (5_000_000, 8_000_000, 1)
    # What is below a hidden chapter cannot be reached, whatever it says itself.
    assert p.visible_to_staff_only
    assert q.visible_to_staff_only


def test_a_leaf_is_graded_and_typed_as_its_sequential():
    tree = walk_course(
        make_course(
            block("course", "course", key("chapter", "c"), format="Course format"),
            block("chapter", "c", key("sequential", "s"), key("sequential", "t")),
            block("sequential", "s", key("problem", "p"), graded=True, format="Homework"),
            block("sequential", "t", key("problem", "q")),
            block("problem", "p", graded=False, format="Own"),
            block("problem", "q", graded=True),
        )
    )

    p, q = by_name(tree)["p"].settings, by_name(tree)["q"].settings
    assert (p.graded, p.assignment_type) == (True, "Homework")
    assert (q.graded, q.assignment_type) == (False, None)


def test_graded_is_unknown_where_the_source_was_not_asked_for_it():
    tree = walk_course(make_course(block("course", "course"), keeps_defaults=False))

    assert tree.blocks[0].settings.graded is None


def test_group_access_of_a_block_and_its_ancestors_are_constraints_of_their_own():
    tree = walk_course(
        make_course(
            block("course", "course", key("chapter", "c")),
            block("chapter", "c", key("html", "h"), group_access={"50": [1, 2]}),
            block("html", "h", group_access='{"50": [2], "7": []}'),
        )
    )

    rows = [
        (each.constraint_key, each.partition_id, each.group_id)
        for each in by_name(tree)["h"].restrictions
    ]
    # An empty list restricts nothing.
    assert rows == [
        (key("chapter", "c") + "#50", 50, 1),
        (key("chapter", "c") + "#50", 50, 2),
        (key("html", "h") + "#50", 50, 2),
    ]


def test_arms_of_an_experiment_are_for_their_groups():
    tree = walk_course(
        make_course(
            block("course", "course", key("split_test", "x")),
            block(
                "split_test",
                "x",
                key("vertical", "a"),
                key("vertical", "b"),
                key("vertical", "old"),
                user_partition_id="9",
                # One arm serves two groups; b is named by the key it had in another run.
                group_id_to_child={
                    "0": key("vertical", "a"),
                    "1": key("vertical", "a"),
                    "2": "block-v1:Org+Course+Earlier+type@vertical+block@b",
                },
            ),
            block("vertical", "a", key("html", "h")),
            block("vertical", "b"),
            block("vertical", "old"),
            block("html", "h"),
        )
    )

    def groups(name):
        return [(each.partition_id, each.group_id) for each in by_name(tree)[name].restrictions]

    assert groups("h") == [(9, 0), (9, 1)]
    assert groups("b") == [(9, 2)]
    # No group is sent to this arm any more: a group that nobody has.
    assert groups("old") == [(9, None)]
    assert {each.constraint_key for each in by_name(tree)["h"].restrictions} == {
        key("split_test", "x") + "#9"
    }


def test_a_drawn_child_and_all_below_it_know_their_draw():
    tree = walk_course(
        make_course(
            block("course", "course", key("library_content", "l")),
            block("library_content", "l", key("vertical", "v")),
            block("vertical", "v", key("problem", "p")),
            block("problem", "p"),
        )
    )

    drawn = by_name(tree)["p"]
    assert drawn.draw_wrapper_key == key("library_content", "l")
    assert drawn.draw_child_key == key("vertical", "v")
    assert by_name(tree)["l"].draw_wrapper_key is None


def test_a_missing_child_is_left_out_and_reported():
    tree = walk_course(
        make_course(
            block("course", "course", key("chapter", "gone"), key("chapter", "c")),
            block("chapter", "c"),
        )
    )

    assert list(by_name(tree)) == ["course", "c"]
    assert reasons(tree) == [f"{ROOT} has a child that does not exist: {key('chapter', 'gone')}"]


def test_a_cycle_is_cut_where_it_closes():
    tree = walk_course(
        make_course(
            block("course", "course", key("chapter", "c")),
            block("chapter", "c", key("sequential", "s")),
            block("sequential", "s", key("chapter", "c"), key("html", "h")),
            block("html", "h"),
        )
    )

    assert list(by_name(tree)) == ["course", "c", "s", "h"]
    assert reasons(tree) == [
        f"{key('chapter', 'c')} is below itself (child of {key('sequential', 's')}); cut there"
    ]


def test_a_block_that_two_parents_point_to_stays_where_it_comes_first():
    tree = walk_course(
        make_course(
            block("course", "course", key("vertical", "v"), key("vertical", "w")),
            block("vertical", "v", key("html", "h")),
            block("vertical", "w", key("html", "h")),
            block("html", "h"),
        )
    )

    assert list(by_name(tree)) == ["course", "v", "h", "w"]
    assert by_name(tree)["h"].parent_key == key("vertical", "v")
    assert reasons(tree) == [
        f"{key('html', 'h')} is also a child of {key('vertical', 'w')}; kept where it comes first"
    ]


def test_without_a_root_its_children_are_kept_at_depth_one():
    tree = walk_course(
        make_course(
            block("chapter", "c", key("html", "h")),
            block("html", "h"),
            block("about", "overview"),
            root_key=None,
        )
    )

    chapter = by_name(tree)["c"]
    assert (chapter.depth, chapter.position, chapter.parent_key) == (1, 1, None)
    assert by_name(tree)["h"].depth == 2
    assert reasons(tree) == [
        "the course root is missing; what is below it was loaded without its settings"
    ]


def test_a_block_that_nothing_points_to_is_reported_unless_it_never_has_a_place():
    tree = walk_course(
        make_course(
            block("course", "course"), block("html", "lost"), block("static_tab", "syllabus")
        )
    )

    assert list(by_name(tree)) == ["course"]
    assert reasons(tree) == [
        f"1 blocks that no block of the tree points to were left out: {key('html', 'lost')}"
    ]


def test_settings_that_cannot_be_read_are_reported_and_taken_as_not_set():
    tree = walk_course(make_course(block("course", "course", start="soon", group_access="[1")))

    assert tree.blocks[0].settings.released_us is None
    assert tree.blocks[0].restrictions == ()
    assert reasons(tree) == [
        f"{ROOT}: start: 'soon' is no instant; taken as not set",
        f"{ROOT}: group_access '[1' is not understood",
    ]


def test_a_tree_of_any_depth_is_walked():
    depth = 5_000
    blocks = [block("vertical", f"v{n}", key("vertical", f"v{n + 1}")) for n in range(depth)]
    tree = walk_course(
        make_course(
            block("course", "course", key("vertical", "v0")),
            *blocks,
            block("vertical", f"v{depth}"),
        )
    )

    assert tree.blocks[-1].depth == depth + 1
