"""The bundle on disk, and finding it: `models/NAME/VERSION/` with hashes over every file, checked before any is parsed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.core.files import write_bytes, write_json, write_sums
from leadline.core.jsonable import parse_json
from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError, LeadlineError, MissingError, UsageError
from leadline.registry.trust import SIGNATURE, is_sound, require_signature, sign

if TYPE_CHECKING:
    from leadline.evaluation.later_stages import DealAmountModel
    from leadline.model.account_model import AccountModel
    from leadline.model.calibration.conversion_curve import ConversionCurve
    from leadline.model.scorer import Scorer
    from leadline.points.definitions import Definitions
    from leadline.scoring.grade import Grading

__all__ = [
    "FORMAT",
    "MODELS",
    "Bundle",
    "LaterStageModel",
    "bundle_digest",
    "read_bundle",
    "refits_path",
    "resolve_bundle",
    "write_bundle",
    "write_refits",
]

FORMAT = 1
MODELS = Path("models")
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
LARGEST = 64_000_000
"""Bytes that all files of a bundle have together, at most."""
KEYS = frozenset(
    {"name", "features", "intents", "intent_stages", "roles", "known_at", "outcome", "flat", "reference"}
)  # what reading a manifest asks of it
REGISTERED = re.compile(r"^models:/(?P<name>[a-z][a-z0-9-]{0,62})(@(?P<alias>[A-Za-z][\w.-]*)|/(?P<version>\d+))$")


@dataclass(frozen=True)
class LaterStageModel:
    """The model of a question that follows the first: of those who reach `given`, who goes on; and its scores' column."""

    given: str
    reaches: str
    column: str
    scorer: Scorer


@dataclass(frozen=True)
class Bundle:
    """An exported scorer: its files as they were when their hashes were checked.

    Attributes
    ----------
    folder : Path
        Where it was read.
    version : str
        Its version, which is the folder's name.
    manifest : mapping
        What it is: name, feature specs, intents, outcome, when and on what it was trained.
    files : mapping of str to bytes
        The checked content of every file.
    """

    folder: Path
    version: str
    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.manifest["name"])

    @cached_property
    def specs(self) -> tuple[Feature, ...]:
        """The features it reads."""
        try:
            return tuple(Feature.from_record(record) for record in self.manifest["features"])
        except (TypeError, KeyError, ValueError, IndexError, AttributeError, LeadlineError):
            raise DataError(
                f"model {self.folder}: its features are of another schema; expected what this leadline writes; "
                "train again or use the leadline that wrote it"
            ) from None

    @cached_property
    def scorer(self) -> Scorer:
        """The scorer itself, made of the checked texts."""
        from leadline.model.scorer import Scorer

        return Scorer.from_files(
            {name: data for name, data in self.files.items() if name.endswith((".json", ".txt", ".skops"))}
        )

    @cached_property
    def then(self) -> tuple[LaterStageModel, ...]:
        """The models of the downstream stages, in order; none where it is one question."""
        from leadline.model.scorer import Scorer

        made = []
        for told in self.manifest.get("then", []):
            try:
                place, given, reaches, column = (
                    f"{told['folder']}/", str(told["given"]), str(told["asked"]["reaches"]), told["column"],
                )  # fmt: skip
            except (TypeError, KeyError):
                raise _damaged(self.folder, MANIFEST) from None
            files = {name.removeprefix(place): data for name, data in self.files.items() if name.startswith(place)}
            made.append(LaterStageModel(given, reaches, column, Scorer.from_files(files)))
        return tuple(made)

    @cached_property
    def amount(self) -> DealAmountModel | None:
        """The estimate of what a won lead brings; None where the bundle has none."""
        from leadline.evaluation.later_stages import FILE, DealAmountModel

        return DealAmountModel.from_record(self.record(FILE)) if FILE in self.files else None

    @cached_property
    def curve(self) -> ConversionCurve | None:
        """How likely a lead gets there within other windows; None where the config asks for none."""
        from leadline.model.calibration.conversion_curve import FILE, ConversionCurve

        return ConversionCurve.from_record(self.record(FILE)) if FILE in self.files else None

    @cached_property
    def grading(self) -> Grading | None:
        """How scores are told as whole numbers and grades; None where training didn't find that out."""
        from leadline.scoring.grade import FILE, Grading

        return Grading.from_record(self.record(FILE)) if FILE in self.files else None

    @cached_property
    def accounts(self) -> AccountModel | None:
        """The model of accounts; None where the bundle has none."""
        from leadline.model.account_model import FILE, AccountModel

        if FILE not in self.files:
            return None
        try:
            return AccountModel.from_record(self.record(FILE))
        except (TypeError, KeyError, ValueError):
            raise _damaged(self.folder, FILE) from None

    @cached_property
    def definitions(self) -> Definitions | None:
        """The definitions that its leads are held against; None where the config that trained it had none."""
        from leadline.points.definitions import FILE, Definitions

        if FILE not in self.files:
            return None
        return Definitions.from_record(self.record(FILE), self.manifest["intents"], self.manifest["roles"])

    def record(self, name: str) -> dict[str, Any]:
        """Return one of the bundle's JSON records, such as `record.json`."""
        try:
            found: dict[str, Any] = parse_json(self.files[name])
        except ValueError:
            raise _damaged(self.folder, name) from None
        return found

    @cached_property
    def run_record(self) -> dict[str, Any]:
        """Return `record.json`, and what the training found out after the bundle was exported, where it lies beside it."""
        record = self.record("record.json")
        try:
            more = parse_json(refits_path(self.folder).read_bytes())
        except (OSError, ValueError):
            return record  # the training was told to be quick, or died before it
        return record | more["found"] if more.get("of") == bundle_digest(self.folder) else record

    def __repr__(self) -> str:
        known = f"what was known at {self.manifest['known_at']}" if self.manifest["known_at"] else "all rows"
        return f"Bundle({self.name} {self.version}, {len(self.specs)} features, trained on {known})"


def write_bundle(
    folder: Path,
    scorer_files: Mapping[str, str | bytes],
    manifest: Mapping[str, Any],
    records: Mapping[str, Any],
    key: str | None = None,
) -> None:
    """Write a bundle's files and SHA256SUMS over all of them into a staged folder, and sign it where there is a key."""
    for name, content in scorer_files.items():
        write_bytes(folder / name, content.encode() if isinstance(content, str) else content)
    write_json(folder / MANIFEST, {"format": FORMAT, **manifest})
    for name, record in records.items():
        write_json(folder / name, record)
    write_sums(folder)
    if key is not None:
        sign(folder, key)


def bundle_digest(folder: Path) -> str:
    """Hash a bundle's list of hashes, which stands for every file."""
    return hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()


def refits_path(folder: Path) -> Path:
    """Return where that lies which a training finds out after it has exported a bundle.

    Examples
    --------
    >>> refits_path(Path("models/saas-sql/3")).as_posix()
    'models/saas-sql/3.refits.json'
    """
    return folder.with_name(f"{folder.name}.refits.json")


def write_refits(folder: Path, found: Mapping[str, Any]) -> None:
    """Write beside an exported bundle what was found out since; the bundle itself never changes."""
    write_json(refits_path(folder), {"of": bundle_digest(folder), "found": dict(found)})


def read_bundle(folder: Path, version: str | None = None, key: str | None = None) -> Bundle:
    """Read a bundle; nothing is parsed before every hash matches, and the signature where there is a key.

    Raises
    ------
    MissingError
        The folder isn't there, or holds no bundle.
    DataError
        A file is damaged, missing, too many or too large, the bundle isn't signed with `key`, or the format is another
        leadline's.

    Examples
    --------
    >>> read_bundle(Path("no-such-folder"))
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: model no-such-folder: no bundle; ...
    """
    if not (folder / SUMS).is_file():
        raise MissingError(
            f"model {folder}: no bundle; expected a folder with {SUMS} and {MANIFEST}; run `leadline train`, or name another --model"
        )
    try:
        files = _checked(folder, key)
    except OSError as error:
        raise MissingError(
            f"model {folder}: can't be read ({type(error).__name__}); expected readable files; mend its permissions"
        ) from None
    manifest = _manifest(folder, files[MANIFEST])
    if manifest["format"] != FORMAT:
        raise DataError(
            f"model {folder}: bundle format {str(manifest['format'])[:20]}; this leadline reads format {FORMAT}; train again or use leadline {str(manifest.get('leadline', 'of its time'))[:20]}, which wrote it"
        )
    return Bundle(folder, version or folder.name, manifest, files)


def _checked(folder: Path, key: str | None) -> dict[str, bytes]:
    """Read each file once and compare its hash, so that what is parsed is what was checked."""
    there = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
    if sum(there.values()) > LARGEST:
        raise DataError(
            f"model {folder}: {sum(there.values()) // 1_000_000:,} MB; expected at most {LARGEST // 1_000_000} MB; "
            "restore it from MLflow or train again"
        )
    sums = (folder / SUMS).read_bytes()
    if key is not None:
        require_signature(folder, sums, key)
    try:
        lines = sums.decode("ascii").splitlines()
        listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except ValueError:
        raise _damaged(folder, SUMS) from None
    odd = sorted((set(there) - {SUMS, SIGNATURE}) ^ set(listed))
    if odd or MANIFEST not in listed:
        raise _damaged(folder, ", ".join(odd[:5]) or MANIFEST)
    files = {name: (folder / name).read_bytes() for name in sorted(listed)}
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != listed[name]:
            raise _damaged(folder, name)
    return files


def _manifest(folder: Path, data: bytes) -> dict[str, Any]:
    """Read the manifest; what isn't one was never written by leadline, whatever its hash says."""
    try:
        manifest = parse_json(data)
    except ValueError:
        raise _damaged(folder, MANIFEST) from None
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise _damaged(folder, MANIFEST)
    if manifest["format"] == FORMAT and not (set(manifest) >= KEYS and is_sound(manifest)):
        raise _damaged(folder, MANIFEST)
    return manifest


def _damaged(folder: Path, name: str) -> DataError:
    return DataError(
        f"model {folder}: {name} isn't what {SUMS} says; expected an undamaged bundle; restore it from MLflow or train again"
    )


def resolve_bundle(reference: str, tracking_uri: str, key: str | None = None) -> Bundle:
    """Find the bundle that a REF means: a folder, `models:/NAME@alias` or `models:/NAME/3`.

    The registry says which version an alias means; the bundle itself is read from `models/NAME/VERSION`, or fetched
    from MLflow's artifacts where that folder isn't there.

    Raises
    ------
    UsageError
        The text is no reference.
    DataError
        As `read_bundle` says.
    MissingError
        No such model, alias or version.
    RetryError
        The registry can't be reached.

    Examples
    --------
    >>> resolve_bundle("models:/Not A Name", "sqlite:///mlflow.db")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --model 'models:/Not A Name': not a reference; ...
    """
    if not reference.startswith("models:/"):
        return read_bundle(Path(reference), None, key)
    match = REGISTERED.match(reference)
    if not match:
        raise UsageError(
            f"--model {reference[:80]!r}: not a reference; expected a folder, models:/NAME@champion or models:/NAME/3"
        )
    from leadline.registry import tracking

    name, version = match["name"], match["version"]
    if version is None:
        version = tracking.version_of(tracking_uri, name, match["alias"])
    local = MODELS / name / version
    if (local / SUMS).is_file():
        return read_bundle(local, version, key)
    return read_bundle(tracking.fetch_bundle(tracking_uri, name, version), version, key)
