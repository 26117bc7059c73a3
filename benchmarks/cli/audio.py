"""The command ``authors-audio``, which scores audio that authors have published."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from benchmarks.cli.base import Command, OptionalFolder
from benchmarks.cli.places import RESULTS, tables_folder
from benchmarks.core.errors import UserError
from benchmarks.runtime.room import refuse_unusable_place

AudioFolder = Annotated[Positional[Path], arg(metavar="DIR", help="a folder with manifest.csv")]


@dataclass(frozen=True, kw_only=True)
class AuthorsAudio(Command):
    """Score audio that authors have published, against its recordings.

    DIR holds the audio and manifest.csv, which lists each file with its checksum: docs/usage.md.
    """

    folder: AudioFolder
    results: OptionalFolder = None  # the folder for the page; None: results/local/authors-audio
    publish: bool = False  # replace the published page, in results
    threads: int = 0  # most processes that score; 0: one for each core

    def run(self) -> int:
        """Score the samples, write the document, and print the page."""
        place = self.place
        if self.threads < 0:
            raise UserError(f"--threads: {self.threads} is below 0; give 0 or more")
        refuse_unusable_place(place, "--results")
        from benchmarks.report.html.page import refresh_page
        from benchmarks.report.registry import AUTHORS_AUDIO, publish
        from benchmarks.runtime.progress import Progress
        from benchmarks.studies.audio.authors import score_folder

        page = publish(place / AUTHORS_AUDIO, score_folder(self.folder, self.threads, Progress()))
        refresh_page(place)
        sys.stdout.write(page.read_text())
        sys.stderr.write(f"written: {place}\n")
        return 0

    @property
    def place(self) -> Path:
        """The folder for the page."""
        return tables_folder("authors-audio", self.results, str(RESULTS), self.publish)
