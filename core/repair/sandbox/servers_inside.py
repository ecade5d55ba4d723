"""Runs in the sandbox with only the standard library: starts temporary servers on its loopback, then the command.

``SERVERS COMMAND...``; SERVERS is JSON, [{"name", "port", "argv", "template", "folder"}...]. A template is copied to
the folder first. When the command ends, the sandbox ends, and with it every server.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

PATIENCE = 20.0  # seconds for all servers to respond
NOT_STARTED = 97  # exit status
STARTUP = b"user\0postgres\0database\0postgres\0\0"
HELLO = {
    "postgresql": (struct.pack("!ii", len(STARTUP) + 8, 196608) + STARTUP, b"R"),  # asks to sign in: it is ready
    "redis": (b"PING\r\n", b"+"),
}


def started(server):
    os.makedirs(server["folder"], mode=0o700)
    if server["template"]:
        shutil.copytree(server["template"], server["folder"], dirs_exist_ok=True)
        os.chmod(server["folder"], 0o700)
    with open(log_of(server), "wb") as log:
        return subprocess.Popen(server["argv"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/tmp")


def log_of(server):
    return f"{server['folder']}.log"


def answers(server):
    """Does the server accept connections and respond?"""
    hello, wanted = HELLO[server["name"]]
    try:
        with socket.create_connection(("127.0.0.1", server["port"]), timeout=1) as made:
            made.sendall(hello)
            return made.recv(1) == wanted
    except OSError:
        return False


def ready(server, process, until):
    while not answers(server):
        if process.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def main(servers, *command):
    asked = json.loads(servers)
    processes = [(server, started(server)) for server in asked]
    until = time.monotonic() + PATIENCE
    for server, process in processes:
        if not ready(server, process, until):
            with open(log_of(server), encoding="utf-8", errors="replace") as log:
                print(f"the test server {server['name']} did not start: {log.read()[-1000:]}", file=sys.stderr)
            return NOT_STARTED
    return subprocess.call(command)


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.exit(code if code >= 0 else 128 - code)
