"""The file of a claim: what the papers say, the setting that decides, and the extensions."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmarks.claims.kinds import ClaimTest
from benchmarks.core.errors import ExperimentError, first_error
from benchmarks.results.ledger import Untested

FOLDER = Path(__file__).parent
MOST_PRIMARY = 3  # tests that decide a claim

Tests = list[Annotated[ClaimTest, Field(discriminator="kind")]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quoted(_Strict):
    """A figure of the results that stands beside one of the papers'; it decides nothing."""

    results: str = Field(description="document of a run, without .json")
    row: str
    metric: str = Field(description="a metric of the run; 'speedup' or 'rtf' of its times")


class Figure(_Strict):
    """A figure that the papers report."""

    what: str
    value: str
    setting: str
    ours: Quoted | None = None


class Primary(_Strict):
    """The setting that decides a claim."""

    setting: str = Field(description="track, amplitude, network, steps, tau, grid and metric")
    tests: Tests

    @model_validator(mode="after")
    def _few(self) -> Self:
        if not 1 <= len(self.tests) <= MOST_PRIMARY:
            raise ValueError(
                f"1 to {MOST_PRIMARY} tests decide a claim, not {len(self.tests)}; make the others "
                "an extension"
            )
        labels = [test.label for test in self.tests]
        if "" in labels or len({*labels}) < len(labels):
            raise ValueError("each primary test needs a label of its own")
        return self


class Extension(_Strict):
    """A further setting: its tests are reported and decide nothing."""

    name: str = Field(min_length=1, max_length=24)
    setting: str = ""
    tests: Tests = Field(min_length=1)


class Claim(_Strict):
    """A claim of the papers, as its file states it."""

    number: str
    statement: str = Field(max_length=44)
    source: str
    reported: str = Field(max_length=36, description="the papers' own figure, for the overview")
    fixed: datetime.date = Field(description="the day when the primary tests were fixed")
    seen: bool = Field(description="whether results of these tests were known on that day")
    known: str = Field(description="what was known, in one line")
    figures: list[Figure]
    primary: Primary
    differs: str = Field(description="why our figure may differ from the papers', in one line")
    extensions: list[Extension] = []
    not_tested: list[Untested] = []

    @model_validator(mode="after")
    def _own_names(self) -> Self:
        names = [one.name for one in self.extensions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two extensions have the name {twice[0]!r}")
        return self

    @property
    def tests(self) -> Tests:
        """All tests, the primary ones first."""
        return [*self.primary.tests, *(test for one in self.extensions for test in one.tests)]


def read_claims(folder: Path | None = None) -> dict[str, Claim]:
    """All claims by file name, in the order of their numbers.

    A setting's ``each: {field: value}`` gives fields to all of its tests. A test with
    ``for: {name: [values]}`` stands for one test for each combination of the values, which take the
    place of ``{name}`` in its other fields.

    Args:
        folder: the folder of the files; None: the shipped claims.

    Raises:
        ExperimentError: a file that is no claim; names file and field.
    """
    claims = {}
    for path in sorted((folder or FOLDER).glob("*.yaml")):
        try:
            claims[path.name] = Claim.model_validate(_expanded(yaml.safe_load(path.read_text())))
        except yaml.YAMLError as error:
            raise ExperimentError(f"{path} cannot be read as YAML: {error}") from error
        except ExperimentError as error:
            raise ExperimentError(f"{path.name}: {error}") from error
        except ValidationError as error:
            raise ExperimentError(f"{path.name}: {first_error(error)}") from error
    return dict(sorted(claims.items(), key=lambda item: _order(item[1].number)))


def _order(number: str) -> tuple[int, str]:
    digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
    return (int(digits) if digits.isdigit() else 0, number)


def _expanded(content: Any) -> Any:
    """The content of a file with every test written out."""
    if not isinstance(content, dict):
        return content
    full = dict(content)
    if "primary" in content:
        full["primary"] = _written_out(content["primary"])
    if isinstance(content.get("extensions"), list):
        full["extensions"] = [_written_out(one) for one in content["extensions"]]
    return full


def _written_out(setting: Any) -> Any:
    if not isinstance(setting, dict) or not isinstance(setting.get("tests"), list):
        return setting
    each = setting.get("each", {})
    if not isinstance(each, dict):
        raise ExperimentError(f"'each' must map fields to values, not {each!r}")
    rest = {key: value for key, value in setting.items() if key != "each"}
    tests = [each | test if isinstance(test, dict) else test for test in setting["tests"]]
    return rest | {"tests": [one for test in tests for one in _each(test)]}


def _each(test: Any) -> Iterator[Any]:
    if not isinstance(test, dict) or "for" not in test:
        yield test
        return
    names = test["for"]
    if not isinstance(names, dict) or not all(isinstance(v, list) for v in names.values()):
        raise ExperimentError(f"'for' must map names to lists of values, not {names!r}")
    rest = {key: value for key, value in test.items() if key != "for"}
    for values in itertools.product(*names.values()):
        yield _filled(rest, dict(zip(names, values, strict=True)))


def _filled(fields: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {k: v.format(**named) if isinstance(v, str) else v for k, v in fields.items()}
    except (KeyError, IndexError) as error:
        raise ExperimentError(f"'for' names no {error} that a field uses") from error
