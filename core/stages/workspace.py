"""Clones and checkouts of the services' repositories, under DATA_DIR.

Each repository has one bare clone, guarded by a lock; each attempt gets its own checkout. The commits of fixes are kept
in the clone under ``refs/changes`` and are pushed when the review has passed. If a worker's clone lacks such a commit,
it is recreated identically from the database.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from core.models import ChangeSet
from core.ops import fencing
from core.policy.services import Repository
from core.repair.sandbox import checkout
from core.repair.sandbox.checkout import GitPlace, Remote
from core.runtime import Runtime
from core.vendors.command import CommandError, Unreachable
from core.vendors.git_settings import ATTRIBUTES, NOBODY

CONFIGURATION = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
FOREIGN = ("hooks", "config.worktree", "objects/info/alternates", "objects/info/http-alternates", "info/grafts")
FETCHED = "+refs/heads/*:refs/remotes/origin/*"
DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color")
COMMIT = """git fast-import --quiet --force --date-format=now && printf '%s\\n' "$1" | git cat-file --batch &&
git diff --no-ext-diff --no-textconv --no-color "$2" "$1" --"""
PROBE = "platform/readiness"  # a branch that is never written
APPLY = 'git read-tree "$1" && git apply --cached --whitespace=nowarn $2 >&2 && git write-tree'
WRITE = 'sha=$(git hash-object -t commit -w --stdin) && git update-ref -- "$1" "$sha" && printf %s "$sha"'


@dataclass(frozen=True)
class Commit:
    """A commit: its hash, its raw commit object, and the diff to its parent."""

    sha: str
    text: str
    patch: str


@dataclass(frozen=True)
class Clone:
    """The bare clone of one repository and how to reach its remote."""

    path: Path
    repository: Repository
    settings: Mapping[str, str]  # git settings for authentication at the remote

    @property
    def place(self) -> GitPlace:
        return GitPlace(self.path, self.path)

    @property
    def lock(self) -> FileLock:
        return FileLock(f"{self.path}.lock")

    def git(self, *args: str, **kw) -> str:
        return checkout.git(self.place, *args, **kw)

    def commits(self, *names: str) -> list[str]:
        """The commit hashes of the names (refs or objects), each empty if there is none."""
        asked = "".join(f"{name if name.isprintable() else ''}^{{commit}}\n" for name in names)
        rows = self.git("cat-file", "--batch-check", input=asked).splitlines()
        found = (row.split(" ") for row in rows)  # HASH commit SIZE, or a name, which may contain spaces, and "missing"
        return [row[0] if len(row) == 3 and row[1] == "commit" and row[2].isdigit() else "" for row in found]

    def head(self, ref: str) -> str:
        """The commit of a ref. Raises CommandError when there is none."""
        (sha,) = self.commits(ref)
        if not sha:
            raise CommandError(f"{self.path.name} has no commit {ref!r}")
        return sha

    def text(self, sha: str, path: str) -> str:
        """A file of a commit; empty if the commit has none."""
        try:
            return self.git("show", "--end-of-options", f"{sha}:{path}")
        except CommandError:
            return ""

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Is ``ancestor`` in the other commit's history? An unknown commit is not. Raises CommandError."""
        missing = ("rev-list", "--count", "--max-count=1", "--end-of-options", f"{descendant}..{ancestor}")
        return all(self.commits(descendant, ancestor)) and self.git(*missing).strip() == "0"

    def carries(self, descendant: str, change: str) -> bool:
        """Does the commit contain the change, by ancestry or as commits with the same patches (git patch-id)?"""
        sides = ("--left-only", "--cherry-pick", "--no-merges", "--count")
        return self.git("rev-list", *sides, "--end-of-options", f"{change}...{descendant}").strip() == "0"

    def diff(self, base: str, head: str, *options: str) -> str:
        return self.git(*DIFF, *options, "--end-of-options", base, head, "--")

    def patch_hash(self, patch: str) -> str:
        """The hash of the change itself (git patch-id), independent of line numbers and surrounding commits."""
        return self.git("patch-id", "--stable", input=patch).split(" ")[0]

    # --- the platform's commits

    def commit(self, ref: str, base: str, files: Mapping[str, tuple[str, str]], message: str) -> Commit:
        """Commit the files (path -> mode and text) on top of ``base``, and store the commit under ``ref``."""
        stream = _import(ref, base, files, message)
        argv = ["sh", "-c", COMMIT, "commit", ref, base]
        with self.lock:
            answer = checkout.execute(self.place, argv, writes=[self.path], input=stream, errors="surrogateescape")
        (sha, _, size), rest = answer.split("\n", 1)[0].split(" "), answer.split("\n", 1)[1].encode(*EXACT)
        text, patch = rest[: int(size)], rest[int(size) + 1 :]
        return Commit(sha, text.decode("utf-8", "replace"), patch.decode("utf-8", "replace"))

    def restore(self, change: ChangeSet) -> None:
        """Recreate the change's commit if this clone lacks it. Raises CommandError if that fails."""
        if self.commits(change.head_sha)[0]:
            return
        if not change.commit:
            raise CommandError(f"neither {self.path.name} nor the database has the commit {change.head_sha[:12]}")
        tree = self._applied(change.base_sha, change.patch)
        if f"tree {tree}\n" not in change.commit or self._written(ref_of(change), change.commit) != change.head_sha:
            raise CommandError(f"the commit {change.head_sha[:12]} could not be recreated from its patch")

    def moved(self, change: ChangeSet, base: str) -> Commit:
        """The change, rebased onto another commit with its author and date. Raises CommandError if that fails."""
        tree = self._applied(base, change.patch, "--3way")
        old = change.commit or self.git("cat-file", "commit", change.head_sha)
        head, message = old.split("\n\n", 1)
        people = [line for line in head.splitlines() if line.startswith(("author ", "committer "))]
        text = "\n".join([f"tree {tree}", f"parent {base}", *people, "", message])
        sha = self._written(ref_of(change), text)
        return Commit(sha, text, self.diff(base, sha))

    def reverted(self, ref: str, sha: str, message: str, at: int) -> Commit:
        """A commit on the main branch that reverts another one; ``at`` is its date in epoch seconds.

        Raises CommandError if it does not apply.
        """
        base = self.head(f"refs/remotes/origin/{self.repository.branch}")
        tree = self._applied(base, self.diff(f"{sha}^1", sha), "--3way -R")
        who = f"{NOBODY['GIT_COMMITTER_NAME']} <{NOBODY['GIT_COMMITTER_EMAIL']}> {at} +0000"
        text = f"tree {tree}\nparent {base}\nauthor {who}\ncommitter {who}\n\n{message}"
        made = self._written(ref, text)
        return Commit(made, text, self.diff(base, made))

    def without(self, base: str, sha: str) -> dict[str, str | None]:
        """The files of ``base`` that change when a commit is taken out of it, None if deleted. Raises CommandError."""
        tree = self._applied(base, self.diff(f"{sha}^1", sha), "--3way -R")
        names = self.diff(base, tree, "--no-renames", "--name-only", "-z").split("\0")[:-1]
        left = set(self.git("ls-tree", "-r", "-z", "--name-only", tree).split("\0")[:-1])
        return {name: self.git("show", f"{tree}:{name}") if name in left else None for name in names}

    def reverts(self, change: ChangeSet) -> bool:
        """Is the main branch's tree unchanged after the change is merged and reverted? Nothing is pushed.

        Raises CommandError if one of the two does not apply.
        """
        base = self.head(f"refs/remotes/origin/{self.repository.branch}")
        merged = self._applied(base, change.patch, "--3way")
        who = f"{NOBODY['GIT_COMMITTER_NAME']} <{NOBODY['GIT_COMMITTER_EMAIL']}> 0 +0000"
        text = f"tree {merged}\nparent {base}\nauthor {who}\ncommitter {who}\n\nRehearsal of a merge\n"
        made = self._written(f"refs/changes/rehearsal-{change.id}", text)
        before = self.git("rev-parse", f"{base}^{{tree}}").strip()
        return self._applied(made, self.diff(base, made), "--3way -R") == before

    def _applied(self, base: str, patch: str, *options: str) -> str:
        """The hash of the tree that results from applying a patch to a commit."""
        index = self.path / "apply.index"
        argv, env = ["sh", "-c", APPLY, "apply", base, *options], {"GIT_INDEX_FILE": str(index)}
        with self.lock:
            try:
                return checkout.execute(self.place, argv, writes=[self.path], input=patch, more=env).strip()
            finally:
                index.unlink(missing_ok=True)

    def _written(self, ref: str, text: str) -> str:
        with self.lock:
            return checkout.execute(self.place, ["sh", "-c", WRITE, "write", ref], writes=[self.path], input=text)

    # --- the remote

    def _reach(self, *args: str, write: bool = False, timeout: float = 120) -> str:
        remote = Remote(self.repository.remote, self.settings, write)
        if write:
            fencing.check()
        try:
            return self.git(*args, remote=remote, writes=[self.path], timeout=timeout)
        except CommandError as error:
            raise Unreachable(str(error)) from None

    def fetch(self) -> None:
        self._reach("fetch", "--quiet", "--prune", "--no-write-fetch-head", "--", self.repository.remote, FETCHED,
                    timeout=300)  # fmt: skip

    def push(self, sha: str, branch: str) -> None:
        """Set the remote branch to ``sha``. Only the platform uses the branch, so an earlier attempt is replaced."""
        self._reach(
            "push", "--quiet", "--force", "--", self.repository.remote, f"{sha}:refs/heads/{branch}", write=True
        )

    def try_push(self, sha: str) -> None:
        """Check with a dry run whether the remote would accept a branch. Raises CommandError if not."""
        remote = Remote(self.repository.remote, self.settings)
        spec = f"{sha}:refs/heads/{PROBE}"
        self.git("push", "--quiet", "--dry-run", "--", self.repository.remote, spec, remote=remote, writes=[self.path])

    def stands_at(self, branch: str) -> str:
        """The commit of a remote branch; empty if the branch does not exist."""
        output = self._reach("ls-remote", "--quiet", "--", self.repository.remote, f"refs/heads/{branch}")
        found = {ref: sha for sha, ref in (line.split("\t") for line in output.splitlines())}
        return found.get(f"refs/heads/{branch}", "")

    def branches(self) -> list[str]:
        """The branches of the remote. Raises Unreachable, also for an address that git must not follow."""
        try:
            output = self._reach("ls-remote", "--quiet", "--heads", "--", self.repository.remote, timeout=60)
        except ValueError as error:
            raise Unreachable(str(error)) from None
        return [line.partition("\trefs/heads/")[2] for line in output.splitlines()]

    def files(self, ref: str) -> list[str]:
        """The paths of a commit's files."""
        return self.git("ls-tree", "-r", "-z", "--name-only", self.head(ref)).split("\0")[:-1]

    def delete(self, branch: str, sha: str) -> bool:
        """Delete a remote branch if it is at ``sha``; True if the branch no longer exists. A moved branch is kept."""
        lease = f"--force-with-lease=refs/heads/{branch}:{sha}"
        try:
            self._reach("push", "--quiet", lease, "--", self.repository.remote, f":refs/heads/{branch}", write=True)
        except CommandError:
            if (now := self.stands_at(branch)) == sha:
                raise
            return not now
        return True


EXACT = ("utf-8", "surrogateescape")


def ref_of(change: ChangeSet) -> str:
    """The ref under which the clone stores the commit of a change, whether it was pushed or not."""
    return f"refs/changes/{change.issue_id}-{change.run}-{change.attempt}"


def _import(ref: str, base: str, files: Mapping[str, tuple[str, str]], message: str) -> str:
    """The commit in the input format of git fast-import; each text is preceded by its length."""
    who = f"{NOBODY['GIT_COMMITTER_NAME']} <{NOBODY['GIT_COMMITTER_EMAIL']}>"
    parts = [f"commit {ref}\ncommitter {who} now\n{_data(message)}from {base}\n"]
    for path, (mode, text) in files.items():
        foreign = {"", ".", "..", ".git"} & {*path.lower().split("/")}
        if foreign or not path.isprintable() or path.startswith(("/", '"')):
            raise ValueError(f"{path!r} is not a path that a fix may commit")
        parts.append(f"M {mode} inline {path}\n{_data(text)}")
    return "".join(parts)


def _data(text: str) -> str:
    return f"data {len(text.encode(*EXACT))}\n{text}\n"


def known(rt: Runtime, name: str, repository: Repository) -> Clone:
    """The local clone, ready for use: its configuration is replaced by the platform's."""
    folder = rt.settings.data_dir.resolve() / "repositories"
    path = folder / f"{name}.git"
    if path.parent != folder or name.startswith("."):
        raise CommandError(f"{name!r} is not a valid repository name")
    folder.mkdir(parents=True, exist_ok=True)
    found = Clone(path, repository, _sign_in(rt, repository.remote))
    with found.lock:
        if not (path / "HEAD").exists():
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
            found.git("init", "--quiet", "--bare", "--template=", writes=[path])
        _make_ours(path)
    return found


def _make_ours(path: Path) -> None:
    """Write the platform's settings and attributes, and remove stale git locks: this process holds the clone's lock."""
    for name in FOREIGN:
        _removed(path / name)
    for lock in (path / "packed-refs.lock", *(path / "refs").rglob("*.lock")):
        lock.unlink(missing_ok=True)
    (path / "info").mkdir(exist_ok=True)
    for name, text in (("config", CONFIGURATION), ("info/attributes", ATTRIBUTES)):
        if (path / name).is_symlink() or not (path / name).exists() or (path / name).read_text("utf-8") != text:
            _removed(path / name)
            (path / name).write_text(text, encoding="utf-8")


def _removed(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clone(rt: Runtime, name: str, repository: Repository) -> Clone:
    """The fetched clone. Raises CommandError if the remote cannot be reached."""
    found = known(rt, name, repository)
    try:
        with found.lock:
            found.fetch()
    except ValueError as error:
        raise CommandError(str(error)) from None
    return found


def clone_with(rt: Runtime, name: str, repository: Repository, change: ChangeSet) -> Clone:
    """The fetched clone, including the commit of a change, whichever worker made it."""
    found = clone(rt, name, repository)
    found.restore(change)
    return found


@contextmanager
def tree(rt: Runtime, found: Clone, label: str, sha: str) -> Iterator[Path]:
    """A fresh checkout of ``sha``, removed afterwards. Remains of a killed process are removed first."""
    path = rt.settings.data_dir.resolve() / "worktrees" / label
    checkout.check_out(path, found.path, sha)
    try:
        yield path
    finally:
        checkout.remove(path)


def texts(tree: Path, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """(mode, text) by path of files in a checkout, for a commit. Raises ValueError for links and special files."""
    found = {}
    for name in names:
        path = tree / name
        if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(tree.resolve()):
            raise ValueError(f"{name} is not a regular file of the checkout")
        mode = "100755" if path.stat().st_mode & 0o100 else "100644"
        found[name] = (mode, path.read_bytes().decode("utf-8", "surrogateescape"))
    return found


def _sign_in(rt: Runtime, remote: str) -> dict[str, str]:
    """The token as an HTTP header in git's settings; it never appears in a URL, an argument or a file."""
    token = rt.settings.github_token.get_secret_value()
    parts = urlsplit(remote)
    if parts.scheme != "https" or not token:
        return {}
    value = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {f"http.https://{parts.netloc}/.extraHeader": f"Authorization: Basic {value}"}
