from __future__ import annotations

import pytest

from loaders.files.dump import read_dump

CREATE = (
    "CREATE TABLE `t` (`id` int(11) NOT NULL, `text` longtext, PRIMARY KEY (`id`),\n"
    "  UNIQUE KEY `u` (`id`,`text`), KEY `k` (`text`)) ENGINE=InnoDB;\n"
)


@pytest.fixture
def read(tmp_path):
    def read_text(text, *wanted):
        path = tmp_path / "dump.sql"
        path.write_text(text)
        return read_dump(path, wanted or ("t",))

    return read_text


def rows(table, *columns):
    return [
        tuple(row[name] for name in columns)
        for batch in table.batches(columns)
        for row in batch.to_pylist()
    ]


def test_columns_come_from_the_table_or_from_the_statement(read):
    tables = read(
        CREATE + "INSERT INTO `t` VALUES (1,'a'),(2,NULL);\n"
        "INSERT INTO `t` (`text`, `id`) VALUES ('b',3);\n"
    )

    assert rows(tables["t"], "id", "text") == [("1", "a"), ("2", None), ("3", "b")]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"'it\'s'", "it's"),
        ("'it''s'", "it's"),
        (r"'a\nb\tc\\d\"'", 'a\nb\tc\\d"'),
        (r"'{\"position\": 5}'", '{"position": 5}'),
        ("'a),(2;\nb'", "a),(2;\nb"),
        ("'semicolon;\n'", "semicolon;\n"),
        ("''", ""),
        ("NULL", None),
        ("-1.5e3", "-1.5e3"),
    ],
)
def test_values_are_read_with_mysqls_escapes(read, written, text):
    tables = read(CREATE + f"INSERT INTO `t` VALUES (1,{written}),\n(2,'next');\n")

    assert rows(tables["t"], "text") == [(text,), ("next",)]


def test_other_statements_and_tables_are_passed_over(read):
    tables = read(
        "-- a comment;\nDROP TABLE IF EXISTS `t`;\n" + CREATE + "LOCK TABLES `t` WRITE;\n"
        "/*!40000 ALTER TABLE `t` DISABLE KEYS */;\nINSERT INTO `t` VALUES (1,'a');\n"
        "CREATE TABLE `other` (`id` int);\nINSERT INTO `other` VALUES (9);\nUNLOCK TABLES;\n"
    )

    assert list(tables) == ["t"]
    assert rows(tables["t"], "id") == [("1",)]


def test_a_table_that_is_created_and_not_filled_has_no_rows(read):
    tables = read(CREATE)

    assert tables["t"].columns == ("id", "text")
    assert rows(tables["t"], "id") == []


def test_rows_of_another_width_are_misfits_with_their_line(read):
    (table,) = read(CREATE + "INSERT INTO `t` VALUES (1,'a'),(2);\n").values()

    assert rows(table, "id") == [("1",)]
    assert table.misfit_count == 1
    lines = table.find_lines({0})
    assert lines.of_rows == {0: 3}
    assert lines.misfits == ((3, "1 values where the table has 2 columns"),)


def test_rows_of_a_table_whose_columns_are_unknown_are_misfits(read):
    (table,) = read("INSERT INTO `t` VALUES (1,'a');\n").values()

    assert table.find_lines(()).misfits == (
        (1, "the dump does not name the columns of this table"),
    )
