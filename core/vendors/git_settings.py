"""The settings of every git run, which prevent a repository from starting a program. Pure.

They are set in the environment and override a repository's configuration: hooks, the file watcher, pagers, editors,
signing, external diffs, credential helpers and other programs are disabled, git never asks for a password, and no
configuration of this machine or its user is read. Attributes select filters and drivers of files: ATTRIBUTES, written
to a clone's ``info/attributes``, override those of the tree. No setting disables an external diff, so ``git diff`` is
always called with --no-ext-diff and --no-textconv.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.autocrlf": "false",
    "core.symlinks": "true",
    "core.protectHFS": "true",  # no name that another file system treats as .git
    "core.protectNTFS": "true",
    "core.pager": "cat",
    "core.editor": "false",
    "core.sshCommand": "ssh -oBatchMode=yes",
    "core.gitProxy": "",
    "core.alternateRefsCommand": "true",
    "credential.helper": "",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "diff.ignoreSubmodules": "all",
    "interactive.diffFilter": "cat",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "status.submoduleSummary": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "push.gpgSign": "false",
    "log.showSignature": "false",
    "gpg.program": "false",
    "gpg.ssh.program": "false",
    "gpg.x509.program": "false",
    "gc.autoDetach": "false",  # no background work after the command has ended
    "maintenance.autoDetach": "false",
    "protocol.allow": "never",
    "protocol.file.allow": "always",
}
ATTRIBUTES = (
    "* !filter !diff !merge !text !eol !crlf !ident !working-tree-encoding !encoding !export-subst !whitespace\n"
)
NOBODY = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_AUTHOR_NAME": "DevOps Intelligence Platform",
    "GIT_AUTHOR_EMAIL": "platform@localhost",
    "GIT_COMMITTER_NAME": "DevOps Intelligence Platform",
    "GIT_COMMITTER_EMAIL": "platform@localhost",
}


def environment(more: Mapping[str, str] | None = None, protocol: str = "file") -> dict[str, str]:
    """The variables for one run: ``more`` are further settings, ``protocol`` is the only allowed protocol."""
    settings = SETTINGS | dict(more or {})
    counted = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        counted |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return NOBODY | counted | {"GIT_ALLOW_PROTOCOL": protocol}


def proxies(scheme: str) -> dict[str, str]:
    """The proxy variables of this machine for http and https, in lower case, as git's curl reads them."""
    if scheme not in ("http", "https"):
        return {}
    names = ("https_proxy", "http_proxy", "no_proxy")
    found = {name: os.environ.get(name) or os.environ.get(name.upper()) or "" for name in names}
    return {name: value for name, value in found.items() if value}


def protocol(remote: str) -> str:
    """The protocol of a remote: file, http, https or ssh. Raises ValueError for any other."""
    named, address, _ = remote.partition("://")
    host, colon, rest = remote.partition(":")
    if address:
        found = named if named in ("file", "http", "https", "ssh") else ""
    elif colon and "/" not in host:  # host:path; host::path would name a program
        found = "" if rest.startswith(":") else "ssh"
    else:
        found = "file"
    if not found or remote.startswith("-"):
        raise ValueError(f"a remote has to be a folder or an address of https or ssh: {remote[:200]!r}")
    return found
