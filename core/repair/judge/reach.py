"""What a call reaches outside the program, by the module or the name of the called function. Data and lookups."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from core.repair.localize.sources import words

PROCESS, NETWORK, FILE, CODE = "process", "network", "file", "dynamic code"
ENVIRONMENT, DATABASE = "environment", "database"
REACHES = (PROCESS, NETWORK, FILE, CODE, ENVIRONMENT, DATABASE)

_OF_MODULES = {
    PROCESS: "subprocess os.system os.popen os.exec os.spawn os.posix_spawn os.fork os.kill multiprocessing pty signal "
    "threading concurrent.futures asyncio.subprocess asyncio.create_subprocess_exec asyncio.create_subprocess_shell "
    "asyncio.run asyncio.to_thread sched pexpect celery",
    NETWORK: "socket socketserver ssl urllib.request urllib.robotparser http ftplib smtplib imaplib poplib telnetlib "
    "xmlrpc webbrowser requests httpx aiohttp urllib3 websockets websocket paramiko grpc boto3 logging.handlers "
    "logging.config asyncio.open_connection asyncio.start_server asyncio.open_unix_connection",
    FILE: "io.open os.open os.remove os.rename os.replace os.unlink os.mkdir os.makedirs os.rmdir os.listdir "
    "os.scandir os.walk os.chmod os.link os.symlink shutil tempfile zipfile tarfile glob fileinput mmap codecs.open "
    "gzip.open bz2.open lzma.open shelve dbm logging.FileHandler",
    CODE: "importlib pkgutil runpy pickle marshal dill cloudpickle timeit code codeop ctypes cffi builtins inspect "
    "yaml.load yaml.unsafe_load types.FunctionType types.CodeType types.ModuleType operator.attrgetter "
    "operator.methodcaller string.Template string.Formatter sys.modules gc doctest",
    ENVIRONMENT: "os.environ os.getenv os.putenv os.getcwd os.getlogin getpass keyring dotenv pwd",
    DATABASE: "sqlite3 sqlalchemy sqlmodel psycopg psycopg2 pymysql MySQLdb asyncpg aiosqlite redis pymongo django.db",
}
_OF_NAMES = {
    PROCESS: "run_in_executor create_subprocess_exec create_subprocess_shell Popen submit",
    NETWORK: "urlopen urlretrieve create_connection open_connection sendto sendall sendmail",
    FILE: "read_text read_bytes write_text write_bytes unlink rmtree mkdir touch rmdir extractall iterdir rglob",
    CODE: "format_map substitute safe_substitute",
    DATABASE: "execute executemany executescript commit",
}
_BUILT_IN = {
    CODE: "eval exec compile __import__ globals locals vars setattr delattr breakpoint",
    FILE: "open",
    PROCESS: "exit quit",
}
_BY_MODULE = {name: kind for kind, names in _OF_MODULES.items() for name in words(names)}
_BY_NAME = {name: kind for kind, names in _OF_NAMES.items() for name in words(names)}
_BY_BUILT_IN = {name: kind for kind, names in _BUILT_IN.items() for name in words(names)}


def imported_as(tree: ast.AST) -> dict[str, str]:
    """Imported names -> full names: ``{"urlopen": "urllib.request.urlopen"}``."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {
                a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in node.names
            }
        elif isinstance(node, ast.ImportFrom):
            home = f"{'.' * node.level}{node.module or ''}"
            found |= {a.asname or a.name: f"{home}.{a.name}" for a in node.names}
    return found


def dotted(node: ast.expr, known: Mapping[str, str]) -> str:
    """The full name of the called function; ``?`` stands for an object of unknown type."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    return f"{dotted(node.value, known)}.{node.attr}" if isinstance(node, ast.Attribute) else "?"


def reached(name: str, known: Mapping[str, str]) -> str:
    """The kind of resource that a module or call of this full name reaches; empty if it stays within the program."""
    parts = name.split(".")
    from_import = any(name == full or name.startswith(f"{full}.") for full in known.values())
    if from_import:
        heads = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        if kind := next((_BY_MODULE[head] for head in heads if head in _BY_MODULE), ""):
            return kind
    if len(parts) == 1:
        return _BY_BUILT_IN.get(name, "")
    family = any(name.startswith(f"os.{start}") for start in ("exec", "spawn", "posix_spawn", "fork"))
    return PROCESS if family else _BY_NAME.get(parts[-1], "")
