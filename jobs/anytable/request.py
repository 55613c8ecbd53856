"""What `diamant fit --data` is asked, checked before Spark starts. Raises SettingsError."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from jobs.errors import SettingsError
from jobs.sem.bootstrap import FEWEST_REPLICATES
from jobs.sem.groups.multiple import family
from jobs.sem.model.defined import Definition
from jobs.sem.model.layout import Layout, layout
from jobs.sem.model.structure import ModelError, Structure, structure_of, structure_of_terms
from jobs.sem.model.syntax import entries, equates, read
from jobs.sem.routes.derived import check_definitions
from jobs.sem.routes.method import Method, check, error_kinds
from jobs.settings import models
from jobs.settings.encodings import python_name

TAB = {"\\t", "tab"}  # ways to write it on a command line


@dataclass(frozen=True)
class Request:
    """The options of the command; columns are named as the table names them.

    `error` "" takes the kind that fits the other options. `na`: texts that stand for a missing number.
    `pool`: the group columns whose values are pooled, within each combination of the others. `equal`, `free`:
    parameters that are the same in all groups, and the exceptions; `hypotheses` on the model's labels.
    `publish`: whether what is written passes disclosure control. `sheet`, `skip`, `until`: where in its file
    the table is (see readers.dialect).
    """

    data: str
    model: str
    out: str
    groups: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    weights: str | None = None
    estimator: str = ""
    missing: str = "listwise"
    ordered: tuple[str, ...] = ()
    parameterization: str = "delta"
    error: str = ""
    pool: tuple[str, ...] = ()
    family: tuple[str, ...] = ("~",)
    equal: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    invariance: bool = False
    hypotheses: tuple[str, ...] = ()
    diagnosis: bool = False
    jackknife: bool = False
    working: str = "independent"
    bootstrap: int = 0
    seed: int = 1
    confidence: float = 0.95
    max_failed: int = 0
    publish: bool = False
    separator: str = ""
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    sheet: str | None = None
    skip: int = 0
    until: str | None = None
    na: tuple[str, ...] = ("NA", ".")

    def checked(self) -> Request:
        """The request itself. Raises SettingsError for the first option that does not fit."""
        self._check_options()
        try:
            check(self.method, self.structure)
            check_definitions(self._definitions, self._labels)
            if self.plan:
                from jobs.sem.joint import fit as multigroup  # it takes a while to load
                from jobs.sem.joint.hypotheses import read_hypotheses

                read_hypotheses(list(self.hypotheses), self._labels)
                multigroup.check(self.method, self.plan, self.equal)
            family(self._parameters(), self.family)
        except ModelError as error:
            raise models.refused(error, self.model, "mend the model or the options") from None
        return self

    @cached_property
    def text(self) -> str:
        """The model's text."""
        try:
            file = Path(self.model).expanduser()
        except RuntimeError:  # an unknown user's home
            file = Path(self.model)
        return models.read(file, f"--model {self.model}")

    @cached_property
    def written_groups(self) -> int:
        """The number of groups that the model's text is written for; 1 where it does not say."""
        try:
            return entries(self.text)
        except ModelError as error:
            raise models.refused(error, self.model) from None

    @cached_property
    def joint(self) -> bool:
        """Whether all groups are fitted at once."""
        by_text = self.written_groups > 1 or equates(self.text)
        return bool(self.equal or self.hypotheses or (self.groups and by_text))

    @property
    def together(self) -> bool:
        """Whether something is asked that takes all groups at once."""
        return self.joint or self.invariance

    @cached_property
    def plan(self) -> Layout | None:
        """The joint fit's parameters, for as many groups as the text lists; the table's are not known yet."""
        if not self.joint:
            return None
        _ = self.structure
        names = [str(number) for number in range(max(self.written_groups, 2))]
        return layout(self.text, names, self.equal, self.free, self.ordered)

    @cached_property
    def structure(self) -> Structure:
        """The model of a group; in a joint fit that of the first."""
        return models.structure(self.text, self.model, self._structure_of)

    def _structure_of(self, text: str) -> Structure:
        if not self.joint:
            return structure_of(text, self.ordered)
        return structure_of_terms(read(text, max(self.written_groups, 2)).groups[0], self.ordered)

    @property
    def method(self) -> Method:
        """What jobs.sem is asked."""
        return Method(
            estimator=self.estimator or ("dwls" if self.ordered else "ml"),
            missing=self.missing,
            ordered=self.ordered,
            clusters=self.clusters,
            weights=self.weights,
            confidence=self.confidence,
            diagnosis=self.diagnosis,
            jackknife=self.jackknife,
            parameterization=self.parameterization,
            working=self.working,
        )

    @property
    def chosen_error(self) -> str:
        """The kind of standard error that is written."""
        estimator = self.method.estimator
        if self.error:
            return self.error
        if self.clusters:
            return f"{'cluster' if estimator == 'dwls' else 'bias_reduced'}:{self.clusters[0]}"
        if estimator != "ml":
            return "robust"
        if self.weights:
            return "robust"  # the expected information takes weighted cases for a simple random sample
        return "observed" if self.missing == "fiml" else "expected"

    @property
    def field_separator(self) -> str:
        if self.separator:
            return "\t" if self.separator.lower() in TAB else self.separator
        name = Path(self.data).name.lower()
        if name.split(".")[1:2] in (["tsv"], ["tab"]):
            return "\t"
        return ";" if self.decimal == "," else ","

    @property
    def numbers(self) -> list[str]:
        """Columns that hold numbers: those of the model, and the weights."""
        return list(dict.fromkeys([*self.structure.observed, *([self.weights] if self.weights else [])]))

    @property
    def labels(self) -> list[str]:
        """Columns that hold labels: groups and clusters."""
        return list(dict.fromkeys([*self.groups, *self.clusters]))

    def _check_options(self) -> None:
        if self.decimal not in (".", ","):
            raise SettingsError("--decimal is . or , (the mark before the decimals).")
        if len(self.field_separator) != 1 or self.field_separator == self.decimal:
            raise SettingsError(
                "--separator is one character, and not the decimal mark; write tab for a tab."
            )
        if self.thousands not in ("", ".", ",", " ", "'") or self.thousands in (
            self.decimal,
            self.field_separator,
        ):
            raise SettingsError(
                "--thousands is . , ' or a blank, and neither the decimal mark nor the separator."
            )
        try:
            python_name(self.encoding)
        except LookupError as error:
            raise SettingsError(f"--encoding: {error}.") from None
        if self.skip < 0:
            raise SettingsError("--skip is the number of rows above the header, 0 or more.")
        if not 0.5 < self.confidence < 1:
            raise SettingsError("--confidence lies between 0.5 and 1, such as 0.95.")
        if self.bootstrap and self.bootstrap < FEWEST_REPLICATES:
            raise SettingsError(
                f"--bootstrap is 0 or at least {FEWEST_REPLICATES} replicates; 1000 is usual."
            )
        stray = [column for column in self.pool if column not in self.groups]
        if stray:
            raise SettingsError(f"--pool {stray[0]}: name it in --group too; groups are pooled, not rows.")
        for option, columns in (("--group", self.groups), ("--cluster", self.clusters)):
            if len(set(columns)) < len(columns):
                raise SettingsError(f"{option} names a column twice; each counts once.")
        self._check_together()
        clash = [column for column in self.labels if column in self.numbers]
        if clash:
            raise SettingsError(
                f"{clash[0]} is a label (--group, --cluster) and a number (model, --weights); "
                "copy the column."
            )
        kinds = error_kinds(self.method)
        if self.error and self.error not in kinds:
            raise SettingsError(f"--error {self.error}: with these options it is {' or '.join(kinds)}.")

    def _check_together(self) -> None:
        if self.free and not (self.equal or self.invariance):
            raise SettingsError("--free names exceptions from --equal or --invariance; give one of them too.")
        if not self.together:
            return
        if not self.groups:
            raise SettingsError(
                "--equal, --invariance and --hypothesis compare groups; name them by --group."
            )
        if not self.joint:
            return
        for option, given in (
            ("--pool", self.pool),
            ("--bootstrap", self.bootstrap),
            ("--diagnosis", self.diagnosis),
        ):
            if given:
                raise SettingsError(
                    f"{option} is for groups fitted one by one; leave out --equal, --hypothesis and c()."
                )

    @property
    def _definitions(self) -> list[Definition]:
        return self.plan.definitions if self.plan else self.structure.definitions

    @property
    def _labels(self) -> dict[str, int]:
        return self.plan.labels if self.plan else self.structure.labels()

    def _parameters(self) -> pd.DataFrame:
        """What a family may name: free parameters, and those that the model defines from them."""
        every = (
            [parameter for group in self.plan.groups for parameter in group.parameters] if self.plan else None
        )
        free = [
            (parameter.lhs, parameter.op, parameter.rhs, parameter.label)
            for parameter in every or self.structure.parameters
            if parameter.free is not None
        ]
        defined = [
            (parameter.name, ":=", parameter.expression.text, parameter.name)
            for parameter in self._definitions
        ]
        return pd.DataFrame([*free, *defined], columns=["lhs", "op", "rhs", "label"])
