"""Names with which code reaches outside the program or into the interpreter. Data for forbidden_code.py."""

from core.repair.localize.sources import words

# modules whose new import is refused, with all below them
MODULES = words(
    "subprocess socket socketserver ssl ctypes cffi pty importlib pkgutil runpy pickle marshal shelve shutil code "
    "builtins gc atexit signal site multiprocessing webbrowser urllib http ftplib smtplib telnetlib "
    "requests httpx aiohttp pytest _pytest unittest doctest timeit cProfile profile trace bdb pdb codeop codecs "
    "imaplib poplib nntplib xmlrpc wsgiref urllib3 websockets websocket paramiko pexpect dill cloudpickle "
    "jsonpickle joblib mmap fcntl pip ensurepip venv zipimport zipapp compileall py_compile faulthandler _thread "
    "posix nt _ctypes _socket _posixsubprocess"
)
SUBMODULES = {"logging.handlers", "logging.config", "asyncio.subprocess", "concurrent.futures.process"}
HARMLESS = {"urllib.parse", "http.HTTPStatus", "codecs.BOM_UTF8"}

# modules of which only questions about an object may be newly used, by their full names
ASKING = {
    "inspect": words(
        "signature Signature Parameter cleandoc getdoc isclass isfunction ismethod isbuiltin isroutine isabstract "
        "isgenerator isgeneratorfunction iscoroutine iscoroutinefunction isawaitable isasyncgen isasyncgenfunction"
    )
}

# built-in functions: called or only named, whatever the program calls by these names
ALWAYS = {"eval", "exec", "__import__", "breakpoint", "setattr", "delattr"}
UNLESS_BOUND = {"compile", "exit", "quit", "globals", "vars", "locals"}
CALLS = ALWAYS | UNLESS_BOUND
BY_NAME = {"attrgetter", "methodcaller"}  # of the module operator: attributes and methods that a text names
NEVER_PASSED_ON = {"getattr", "open"} | BY_NAME  # their arguments are what has to be seen

# attributes of anything, called or only named
ATTRIBUTES = words(
    "system popen _exit exit execv execve execvp execl spawnv spawnl posix_spawn fork forkpty kill killpg "
    "write_text write_bytes unlink rmtree symlink symlink_to hardlink_to chmod setrecursionlimit _getframe "
    "excepthook settrace load_module exec_module open_connection create_connection urlopen create_subprocess_exec "
    "create_subprocess_shell subprocess_exec subprocess_shell start_server create_server open_unix_connection "
    "create_datagram_endpoint create_unix_server create_unix_connection urlretrieve startfile execlp execle "
    "execvpe execlpe spawnve spawnvp spawnlp posix_spawnp setprofile addaudithook _current_frames FunctionType "
    "CodeType LambdaType ModuleType get_type_hints ForwardRef dictConfig fileConfig HTTPHandler SMTPHandler "
    "SysLogHandler SocketHandler DatagramHandler FileHandler RotatingFileHandler WatchedFileHandler "
    "TimedRotatingFileHandler ProcessPoolExecutor extractall rmdir removedirs mkfifo"
)
OF_MODULES = {
    "os.remove", "os.rename", "os.replace", "os.open", "os.write", "os.putenv", "os.makedirs", "os.mkdir", "os.kill",
    "codecs.open", "codecs.decode", "codecs.encode", "codecs.register", "operator.call", "sys.modules", "sys.path",
    "sys.meta_path", "sys.path_hooks", "sys.stdout", "sys.stderr", "sys.stdin",
}  # fmt: skip
ENVIRONMENT = {"environ", "environb", "getenv", "PYTEST_CURRENT_TEST"}

# the interpreter's inner tables; ``__name__`` and its like say what something is and open nothing
INNER = words(
    "f_globals f_locals f_builtins f_back f_code gi_frame gi_code cr_frame cr_code ag_frame ag_code tb_frame "
    "co_code co_consts func_globals"
)
PLAIN_DUNDERS = words(
    "__name__ __class__ __init__ __doc__ __file__ __main__ __len__ __iter__ __next__ __enter__ __exit__ "
    "__aenter__ __aexit__ __str__ __repr__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __bool__ __int__ "
    "__float__ __index__ __add__ __sub__ __mul__ __contains__ __getitem__ __setitem__ __delitem__ __missing__ "
    "__call__ __new__ __all__ __post_init__ __version__ __package__ __module__ __qualname__ __cause__ __context__ "
    "__traceback__ __notes__ __members__ __setattr__ __slots__ __future__ __annotations__ __format__ __reversed__ "
    "__copy__ __deepcopy__ __radd__ __rsub__ __rmul__ __truediv__ __floordiv__ __mod__ __neg__ __abs__ __round__ "
    "__await__ __aiter__ __anext__"
)

# calls that may stand at the top of a module: they build a value and do nothing else
BUILDING = words(
    "frozenset set dict list tuple str int float bool bytes bytearray complex range len sorted reversed min max "
    "sum abs round zip enumerate map filter any all repr ord chr hash isinstance issubclass type object property "
    "super staticmethod classmethod slice getLogger namedtuple TypeVar NewType ParamSpec NamedTuple TypedDict "
    "Enum IntEnum StrEnum Flag auto dataclass field Decimal Fraction date datetime timedelta timezone time "
    "ZoneInfo Path PurePath PurePosixPath joinpath dirname abspath join Lock RLock ContextVar defaultdict "
    "OrderedDict Counter deque SimpleNamespace MappingProxyType partial itemgetter attrgetter lru_cache cache "
    "cast Struct UUID split rsplit strip lower upper title replace keys values items copy get union fromkeys "
    "maketrans compile unique total_ordering wraps signature"
)
