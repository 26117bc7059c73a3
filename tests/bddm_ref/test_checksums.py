"""Checksum files of other programs: every style is read, or told in one sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bddm_ref.checksums import sums_for
from bddm_ref.files import SUMS, DamagedFileError, checksum_file, checksums_of, verify_checksum

CONTENT = b"some weights"
SUM = hashlib.sha256(CONTENT).hexdigest()
OTHER = "0" * 64
STYLES = {
    "a bare sum": SUM,
    "sha256sum": f"{SUM}  a.pt\n",
    "sha256sum --binary": f"{SUM} *a.pt\n",
    "a path": f"{SUM}  downloads/a.pt\n",
    "a path of Windows": f"{SUM}  downloads\\a.pt\n",
    "capitals": f"{SUM.upper()}  a.pt\n",
    "CRLF": f"{SUM}  a.pt\r\n",
    "a byte order mark": f"\ufeff{SUM}  a.pt\n",
    "BSD": f"SHA256 (a.pt) = {SUM}\n",
    "openssl 1": f"SHA256(a.pt)= {SUM}\n",
    "openssl 3": f"SHA2-256(a.pt)= {SUM}\n",
    "name: sum": f"a.pt: {SUM}\n",
    "sum, name": f"{SUM},a.pt\n",
    "a label": f"sha256:{SUM}\n",
    "a label and =": f"SHA-256 = {SUM}\n",
    "tabs": f"{SUM}\ta.pt\n",
    "PowerShell": f"SHA256          {SUM.upper()}       C:\\data\\a.pt\n",
    "a comment and empty lines": f"# made by hand\n\n{SUM}  a.pt\n\n",
    "several files": f"{OTHER}  b.pt\n{SUM}  a.pt\n{OTHER}  c.pt\n",
    "several files, BSD": f"SHA256 (b.pt) = {OTHER}\nSHA256 (a.pt) = {SUM}\n",
    "a file that was renamed": f"{SUM}  model_final.pt\n",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.pt").write_bytes(CONTENT)
    return tmp_path / "a.pt"


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_read(file: Path, style: str) -> None:
    checksum_file(file).write_bytes(STYLES[style].encode())
    assert checksums_of(file) == [SUM]
    verify_checksum(file)
    file.write_bytes(b"other weights")
    with pytest.raises(DamagedFileError, match=r"does not match its checksum in a\.pt\.sha256"):
        verify_checksum(file)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it holds no line with a SHA-256"),
        ("\n# nothing\n", "it holds no line with a SHA-256"),
        ("see the web page", "a line holds no SHA-256: 'see the web page'"),
        (SUM[:63], "a line holds a sum of 63 digits, and not a SHA-256 of 64 digits: "),
        ("d" * 32 + "  a.pt", "a line holds MD5, and not a SHA-256 of 64 digits"),
        ("d" * 40 + "  a.pt", "a line holds SHA-1, and not"),
        ("SHA512 (a.pt) = " + "d" * 128, "a line holds SHA-512, and not"),
        (f"{SUM} {OTHER}", "a line holds 2 sums: "),
        (f"{OTHER}  b.pt\n{SUM}  c.pt", "it names 'b.pt', 'c.pt', and not 'a.pt'"),
    ],
)
def test_what_is_no_checksum_is_told(file: Path, text: str, told: str) -> None:
    checksum_file(file).write_text(text)
    with pytest.raises(DamagedFileError) as caught:
        verify_checksum(file)
    assert f"a.pt has no usable checksum in a.pt.sha256: {told}" in str(caught.value)
    assert str(caught.value).endswith("for a whole file into it, or remove it")
    assert "\n" not in str(caught.value)


def test_a_name_with_a_sum_in_it(file: Path) -> None:
    assert sums_for(f"{SUM}  {OTHER}.pt", f"{OTHER}.pt") == [SUM]


@pytest.mark.parametrize(
    "line", [f"{SUM.upper()}  a.pt", f"{SUM} *a.pt", f"SHA256 (a.pt) = {SUM}", f"{SUM}  a.pt\r"]
)
def test_lists_of_a_folder(file: Path, line: str) -> None:
    file.with_name(SUMS).write_bytes(f"{OTHER}  b.pt\n{line}\n".encode())
    verify_checksum(file)
