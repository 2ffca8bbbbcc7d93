"""Reaching the registry: whether a server answers at all, with which credentials, and what its refusals mean.

A server is asked before MLflow's client is loaded, which would wait in its own way. Credentials go to the client by the
environment variables that it has for them: it prints the URL of each run.
"""

from __future__ import annotations

import errno
import os
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit, urlunsplit

from leadline.errors import ConfigError, LeadlineError, OutputError, RetryError

__all__ = ["PATIENCE", "RegistryDenied", "refusal", "require_reachable", "without_credentials"]


PATIENCE = 3.0

"""Seconds in which a server must say something, be it no."""


def require_reachable(uri: str) -> None:
    """Make sure that a tracking server answers; files and databases aren't asked.

    Raises
    ------
    RetryError
        It refuses, or says nothing within `PATIENCE`.
    ConfigError
        It is no URI of a store.

    Examples
    --------
    >>> require_reachable("sqlite:///mlflow.db")
    >>> require_reachable("http://someone:secret@127.0.0.1:9")
    Traceback (most recent call last):
    ...
    leadline.errors.RetryError: tracking.uri: the MLflow server can't be reached (refused); expected one that answers within 3 s; check that it is up, and run the command again
    """
    scheme = uri.partition("://")[0].partition("+")[0] if "://" in uri else ""
    if scheme not in ("", *STORES):
        raise ConfigError(
            f"tracking.uri: {scheme[:40]}:// is no MLflow store; expected sqlite:///mlflow.db, a server's https:// or a database's "
            "URL; mend it"
        )
    if scheme not in ("http", "https"):
        return
    found: list[str] = []
    # A name that no server resolves blocks for longer than any timeout: so it is asked aside, and left behind.
    asking = threading.Thread(target=lambda: found.append(_ask(uri)), daemon=True)
    asking.start()
    asking.join(PATIENCE + 0.5)
    said = found[0] if found else "no answer"
    if said:
        raise RetryError(
            f"tracking.uri: the MLflow server can't be reached ({said}); expected one that answers within {PATIENCE:g} s; "
            "check that it is up, and run the command again"
        )


def _ask(uri: str) -> str:
    """Return what kept a server from answering, "" if it did: whatever it says is an answer."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]  # a password is for MLflow alone
    health = urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/health", "", ""))
    try:
        with urllib.request.urlopen(health, timeout=PATIENCE):
            return ""
    except urllib.error.HTTPError:
        return ""
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLError):  # MLflow has settings of its own for certificates
            return ""
        return "no answer" if isinstance(error.reason, TimeoutError) else "refused"
    except TimeoutError:
        return "no answer"
    except (OSError, ValueError):
        return "refused"


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


STORES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks", "file", "uc")
"""Schemes of the stores that MLflow has."""


def refusal(error: Exception) -> LeadlineError:
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
    kind = str(getattr(error, "error_code", None) or type(error).__name__)
    status = DENIED.get(kind) or _status_in(str(error))
    if status:
        why = "doesn't know who asks" if status == "401" else "doesn't allow this user to do that"
        return RegistryDenied(
            f"tracking.uri: the MLflow server {why} ({status}); expected credentials that it accepts; mend the user and "
            "password in tracking.uri, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    return RetryError(
        f"tracking.uri: the MLflow store can't be used ({kind}); expected one that answers; "
        "check that it is up, and run the command again"
    )


def _status_in(said: str) -> str:
    """Find a refusal's status in what MLflow's client, or the one for its artifacts, says of an answer."""
    for status in ("401", "403"):
        if f"failed with error code {status} " in said or said.startswith(f"{status} Client Error"):
            return status
    return ""
