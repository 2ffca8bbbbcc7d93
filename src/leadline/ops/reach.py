"""Reaching the registry: whether a server answers at all, asked before MLflow's client is loaded and waits on its own."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

from leadline.errors import RetryError

__all__ = ["PATIENCE", "reach"]

PATIENCE = 3.0
"""Seconds in which a server must say something, be it no."""


def reach(uri: str) -> None:
    """Make sure that a tracking server answers; files and databases aren't asked.

    Raises
    ------
    RetryError
        It refuses, or says nothing within `PATIENCE`.

    Examples
    --------
    >>> reach("sqlite:///mlflow.db")
    >>> reach("http://someone:secret@127.0.0.1:9")
    Traceback (most recent call last):
    ...
    leadline.errors.RetryError: tracking.uri: the MLflow server can't be reached (refused); expected one that answers within 3 s; check that it is up, and run the command again
    """
    if urlsplit(uri).scheme not in ("http", "https"):
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
