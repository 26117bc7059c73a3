"""Parts of documents that tell where times, trainings and stages are from."""

from __future__ import annotations

from pydantic import Field

from benchmarks.results.strict import Sha256, Strict


class TimesFrom(Strict):
    """The document of ``speed`` that a run's times are taken from."""

    file: str
    sha256: Sha256
    device: str
    network: str = Field(description="as that document calls it")
    seconds_of_audio: float | None = Field(description="of the item timed there; null: no speech")


class Training(Strict):
    """A training on a GPU or by the clock."""

    device: str
    parameters: int
    steps: int = Field(description="updates made")
    seconds: float | None
    seconds_limit: float | None = None
    operations_per_update: float | None = None
    device_rate: float | None = Field(
        default=None, description="operations a second of a large matrix product there"
    )


class StageWork(Strict):
    """Work of one stage that one commit made, in the run itself or in an earlier one."""

    stage: str
    folders: int
    commit: str | None
    tree: str | None = Field(description="'clean', or 'changed' against the commit")
    code: Sha256 = Field(description="of the code of these folders")


class MadeOtherwise(Strict):
    """Stages whose work was made by another commit or on another machine."""

    stage: str
    folders: int
    seconds: float
    commit: str | None
    tree: str | None
    device: str
    processor: str
    torch: str
    bf16: bool
