"""Figures of two groups never take one name, since the second would overwrite the first."""

from __future__ import annotations

from jobs.output.file_names import FileNames


def test_labels_that_give_one_name_are_numbered():
    names = FileNames()
    stems = [names.stem("path", "NL", "w1", group) for group in ("a/b", "a b", "a:b", "ab")]
    assert stems == ["path_NL_w1_a_b", "path_NL_w1_a_b_2", "path_NL_w1_a_b_3", "path_NL_w1_ab"]


def test_the_name_of_a_numbered_one_is_not_given_again():
    names = FileNames()
    stems = [names.stem(label) for label in ("a", "a", "a_2", "a 2")]
    assert len(set(stems)) == 4
