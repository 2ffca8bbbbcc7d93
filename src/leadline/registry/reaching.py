"""Reaching the registry: whether a server answers at all, with which credentials, and what its refusals mean.

A server is asked before MLflow's client is loaded, which would wait in its own way. Credentials go to the client by the
environment variables that it has for them: it prints the URL of each run.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from leadline.errors import ConfigError, LeadlineError, OutputError, RetryError
from leadline.masking import mask

__all__ = ["PATIENCE", "RegistryDenied", "refusal", "require_reachable", "without_credentials"]


PATIENCE = 3.0

"""Seconds in which a server must say something, be it no."""


def require_reachable(uri: str) -> None:
    """Make sure that a tracking server answers, and that it is one of MLflow's that this client can speak to; databases aren't asked.

    Raises
    ------
    RetryError
        It refuses, or says nothing within `PATIENCE`.
    ConfigError
        It is no URI of a store, or what answers is no MLflow server that can be used.

    Examples
    --------
    >>> require_reachable("sqlite:///mlflow.db")
    >>> require_reachable("http://someone:secret@127.0.0.1:9")
    Traceback (most recent call last):
    ...
    leadline.errors.RetryError: tracking.uri: the MLflow server can't be reached (refused); expected one that answers within 3 s; check that it is up, and run the command again
    >>> require_reachable("file:./mlruns")
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: tracking.uri: a folder (file:), which MLflow no longer takes as its store; expected sqlite:///mlflow.db, a server's https:// or a database's URL; mend it
    """
    scheme = urlsplit(uri).scheme.partition("+")[0] if uri not in HOSTED else uri
    if scheme in ("", "file"):
        raise ConfigError(
            f"tracking.uri: a folder{' (file:)' if scheme else ''}, which MLflow no longer takes as its store; expected sqlite:///mlflow.db, a "
            "server's https:// or a database's URL; mend it"
        )
    if scheme not in STORES:
        raise ConfigError(
            f"tracking.uri: {scheme[:40]}:// is no MLflow store; expected sqlite:///mlflow.db, a server's https:// or a database's "
            "URL; mend it"
        )
    if scheme not in ("http", "https"):
        return
    found: list[_Answer] = []
    # A name that no server resolves blocks for longer than any timeout: so it is asked aside, and left behind.
    asking = threading.Thread(target=lambda: found.append(_ask(uri)), daemon=True)
    asking.start()
    asking.join(PATIENCE + 0.5)
    said = found[0] if found else _Answer("no answer")
    if said.silence:
        raise RetryError(
            f"tracking.uri: the MLflow server can't be reached ({said.silence}); expected one that answers within {PATIENCE:g} s; "
            "check that it is up, and run the command again"
        )
    if said.trouble:
        raise ConfigError(f"tracking.uri: {said.trouble}")


class _Answer(NamedTuple):
    """What came of asking a server: why it was silent, or what makes it one that can't be used; both "" where it is fine."""

    silence: str = ""
    trouble: str = ""


def _ask(uri: str) -> _Answer:
    """Ask a server for MLflow's version, which every one of them tells; one that wants a login first is left to the client."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]  # a password is for MLflow alone
    asked = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/version", "", ""))
    ask = urllib.request.build_opener(_Staying).open
    try:
        with ask(asked, timeout=PATIENCE) as answer:
            return _Answer(trouble=_version_trouble(answer.read(200).decode("utf-8", "replace").strip()))
    except urllib.error.HTTPError as error:
        if 300 <= error.code < 400:
            return _Answer(trouble=f"the server sends leadline elsewhere ({error.code}), as to a login page; {LOGIN}")
        if error.code == 404:
            return _Answer(trouble=f"the server has no MLflow there ({error.code}); {NO_MLFLOW}")
        return _Answer(f"it says {error.code}" if error.code in BUSY else "")
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):
            return _Answer() if _other_certificates() else _Answer(trouble=UNTRUSTED)
        return _Answer("no answer" if isinstance(error.reason, TimeoutError) else "refused")
    except TimeoutError:
        return _Answer("no answer")
    except (OSError, ValueError, http.client.HTTPException):
        return _Answer("refused")


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: MLflow's own server sends nobody elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _version_trouble(said: str) -> str:
    """Say what keeps a server of this version from being used; "" where nothing does.

    Examples
    --------
    >>> _version_trouble("3.1.0"), _version_trouble("2.16.2").partition(";")[0], _version_trouble("<html>").partition(";")[0]
    ('', 'the server runs MLflow 2.16.2', 'what answers there is a page, not an MLflow server')
    """
    version = re.fullmatch(r"(\d+)\.\d+\S*", said)
    if version is None:
        return f"what answers there is a page, not an MLflow server; {LOGIN}"
    return (
        f"the server runs MLflow {said[:20]}; expected 3 or newer, which keeps logged models; upgrade it"
        if int(version[1]) < OLDEST
        else ""
    )


def _other_certificates() -> bool:
    """Whether MLflow was told to trust others than the system does."""
    return any(
        os.environ.get(name)
        for name in ("MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE")
    )


OLDEST = 3
BUSY = (429, 502, 503, 504)
LOGIN = (
    "expected MLflow's API; log in with the user and password in tracking.uri, with MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD, or with MLFLOW_TRACKING_TOKEN, and mend the address"
)
NO_MLFLOW = "expected the address of an MLflow server of version 3 or newer; mend it"
UNTRUSTED = (
    "the server's certificate isn't trusted; expected one that this machine trusts; name its authority in "
    "MLFLOW_TRACKING_SERVER_CERT_PATH"
)


class RegistryDenied(ConfigError):
    """The server answers, and doesn't let leadline in."""


@contextmanager
def without_credentials(uri: str) -> Iterator[str]:
    """Yield a server's URI without user and password, which stand in MLflow's environment variables meanwhile.

    Examples
    --------
    >>> with without_credentials("https://ann:s%40cret@mlflow.example/x") as bare:
    ...     bare, os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]
    ('https://mlflow.example/x', 'ann', 's@cret')
    >>> with without_credentials("sqlite:///mlflow.db") as bare:
    ...     bare
    'sqlite:///mlflow.db'
    """
    parts = urlsplit(uri)
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https") or not at:
        yield uri
        return
    name, _, password = user.partition(":")
    told = {"MLFLOW_TRACKING_USERNAME": unquote(name), "MLFLOW_TRACKING_PASSWORD": unquote(password)}
    before = {key: os.environ.get(key) for key in told}
    os.environ.update(told)
    try:
        yield urlunsplit(parts._replace(netloc=host))
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
DENIED = {
    "UNAUTHENTICATED": "401",
    "CUSTOMER_UNAUTHORIZED": "401",
    "PERMISSION_DENIED": "403",
}
"""MLflow's names for what a server answers who doesn't let in, by its status."""


HOSTED = ("databricks", "databricks-uc", "uc")
STORES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", *HOSTED)
"""Schemes of the stores that MLflow has."""


def refusal(error: Exception, uri: str = "") -> LeadlineError:
    """Say in one sentence what the store said; its own words aren't shown, as they may hold a secret.

    Examples
    --------
    >>> print(refusal(OSError(errno.ENOSPC, "")))
    tracking.uri: the MLflow store can't be written (no space, or no permission); expected room for a run; free some space or mend its permissions, and run the command again
    """
    if getattr(error, "errno", None) in FULL or "disk is full" in str(getattr(error, "orig", "")):
        return OutputError(
            "tracking.uri: the MLflow store can't be written (no space, or no permission); expected room for a run; "
            "free some space or mend its permissions, and run the command again"
        )
    if isinstance(error, ModuleNotFoundError):
        return ConfigError(
            f"tracking.uri: a store of that kind needs the package {str(error.name)[:40]}, which isn't installed; expected its driver; "
            "install it, or use another store"
        )
    kind, said = str(getattr(error, "error_code", None) or type(error).__name__), str(error)
    status = DENIED.get(kind) or _status_in(said)
    if status:
        why = "doesn't know who asks" if status == "401" else "doesn't allow this user to do that"
        return RegistryDenied(
            f"tracking.uri: the MLflow server {why} ({status}); expected credentials that it accepts; mend the user and "
            "password in tracking.uri, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    lasting = _lasting(kind, said, uri)
    if lasting:
        return ConfigError(f"tracking.uri: {lasting}")
    return RetryError(
        f"tracking.uri: the MLflow store can't be used ({kind}); expected one that answers; "
        "check that it is up, and run the command again"
    )


def _lasting(kind: str, said: str, uri: str) -> str:
    """Say what will be so at the next try, too; "" where it may pass.

    Examples
    --------
    >>> _lasting("INTERNAL_ERROR", "Detected out-of-date database schema (found version …)", "sqlite:///mlflow.db")
    "the store's schema is an older MLflow's; expected this one's; back it up, and run `mlflow db upgrade sqlite:///mlflow.db`"
    >>> _lasting("INTERNAL_ERROR", "timed out", "sqlite:///mlflow.db")
    ''
    """
    if "out-of-date database schema" in said and not _is_newer(said):
        return f"the store's schema is an older MLflow's; expected this one's; back it up, and run `mlflow db upgrade {mask(uri)}`"
    if "out-of-date database schema" in said or "Can't locate revision" in said:
        return "the store's schema is a newer MLflow's; expected this one's; upgrade the package mlflow here"
    if uri in HOSTED or uri.startswith(tuple(f"{name}:" for name in HOSTED)):
        return f"{urlsplit(uri).scheme or uri} can't be used ({kind}); expected its login, and the packages that it needs; set both up, or name another store"
    if kind in ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED") or "failed with error code 404 " in said:
        return f"the server lacks a part of MLflow's API ({kind}); {NO_MLFLOW}"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return UNTRUSTED
    return ""


def _is_newer(said: str) -> bool:
    """Whether a store's schema is one that this MLflow has no migration of: it calls that out of date, too."""
    found, home = re.search(r"found version (\w+)", said), find_spec("mlflow")
    if found is None or home is None or home.origin is None:
        return False
    return not any((Path(home.origin).parent / "store" / "db_migrations" / "versions").glob(f"{found[1]}*"))


def _status_in(said: str) -> str:
    """Find a refusal's status in what MLflow's client, or the one for its artifacts, says of an answer."""
    for status in ("401", "403"):
        if f"failed with error code {status} " in said or said.startswith(f"{status} Client Error"):
            return status
    return ""
