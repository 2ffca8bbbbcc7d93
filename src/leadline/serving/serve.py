"""`serve`: the server from its config to its end."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from typing import Any

from leadline.errors import ConfigError, OutputError, RetryError, UsageError
from leadline.workflows.common import Progress, as_config, no_progress
from leadline.workflows.scoring.on_demand import require_dated

__all__ = ["TOKEN", "serve"]

TOKEN = "LEADLINE_TOKEN"
"""The environment variable with what whoever asks must bear."""


def serve(config: Any, host: str = "127.0.0.1", port: int = 8008, progress: Progress = no_progress) -> None:
    """Answer questions about leads over HTTP until somebody ends it.

    Raises
    ------
    UsageError
        The config is of a flat file.
    ConfigError
        The host isn't this machine's own, and there is no token; or FastAPI and uvicorn aren't installed.
    RetryError
        The port is taken.

    Examples
    --------
    >>> serve("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    read = as_config(config, progress)
    require_dated(read, "serve")
    token = os.environ.get(TOKEN) or None
    if token is None and not _is_own(host):
        raise ConfigError(
            f"--host {host[:60]}: reached from elsewhere, without a token; expected one; set {TOKEN}, or leave --host out"
        )
    try:
        import uvicorn

        from leadline.serving.answers import Answers
        from leadline.serving.app import create_app
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"serve: the package {str(error.name)[:40]} isn't installed; expected it; pip install 'leadline[serve]'"
        ) from None
    place = _bound(host, port)
    answers = Answers(read, progress)
    try:
        answers.start()
        asked = create_app(answers, token)
        running = uvicorn.Server(
            uvicorn.Config(
                asked,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=65_536,
            )
        )
        progress(f"listening on http://{host}:{place.getsockname()[1]}")
        running.run([place])
    finally:
        place.close()
        answers.close()


def _is_own(host: str) -> bool:
    """Whether only this machine reaches a host.

    Examples
    --------
    >>> [_is_own(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.3")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound(host: str, port: int) -> socket.socket:
    """Take the port before anything is read."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        place = socket.socket(family, socket.SOCK_STREAM)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((host, port))
        place.listen()
    except socket.gaierror:
        raise UsageError(
            f"--host {host[:60]}: no address; expected a name or an address of this machine; mend it"
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise RetryError(
                f"--port {port}: taken by another process; expected a free one; end that, or name another port"
            ) from None
        raise OutputError(
            f"--host, --port: {os.strerror(error.errno or 0).lower()}; expected an address of this machine and a port that this user may take; mend them"
        ) from None
    return place
