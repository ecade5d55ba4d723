"""Each run gets servers of its own: reachable by that run alone, empty at its start, and gone after it."""

from __future__ import annotations

import os
import socket

import pytest

from core.repair.environment import servers as found
from core.repair.environment.fault import EnvironmentFault
from core.repair.sandbox.runner import BubblewrapRunner
from tests import postgres
from tests.real import need

REDIS = """
import os, socket
made = socket.create_connection(("127.0.0.1", 6379))
made.sendall(b"INCR visits\\r\\n")
print(os.environ["REDIS_URL"], made.recv(100))
raise SystemExit(3)
"""
POSTGRESQL = """
import os, subprocess, sys
asked = "create table t (a int); select count(*) from pg_tables where tablename = 't'"
asked = [sys.argv[1], os.environ["DB_URL"], "-tAc", asked]
print(subprocess.run(asked, capture_output=True, text=True))
"""


def test_redis_is_there_for_one_run(checkout, tmp_path):
    need("redis-server")
    runner = BubblewrapRunner(servers=found.servers({"redis": "REDIS_URL"}, tmp_path))
    for _ in range(2):
        done = runner.run(["python", "-c", REDIS], checkout({"a.py": ""}))
        assert (done.code, done.stdout) == (3, "redis://127.0.0.1:6379/0 b':1\\r\\n'\n"), done.stderr
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", 6379), timeout=1):
        pytest.fail("the server of a run is reachable from outside, or another one runs here")


def test_postgresql_starts_from_an_empty_cluster_in_each_run(checkout, tmp_path):
    postgres.programs()
    made = found.servers({"postgresql": "DB_URL"}, tmp_path)
    psql = str(made.all[0].program.with_name("psql"))
    psql = psql if os.path.exists(psql) else need("psql")
    before = sorted(os.listdir(tmp_path))
    for _ in range(2):
        done = BubblewrapRunner(servers=made).run(["python", "-c", POSTGRESQL, psql], checkout({"a.py": ""}))
        assert "returncode=0, stdout='CREATE TABLE\\n1\\n'" in done.stdout, done.stdout + done.stderr
    assert found.servers({"postgresql": "DB_URL"}, tmp_path) == made
    assert set(os.listdir(tmp_path)) - set(before) <= {"tree"}


def test_a_server_that_does_not_start_is_named(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr(found, "found", lambda name: found.Path("/usr/bin/false"))
    runner = BubblewrapRunner(servers=found.servers({"redis": "REDIS_URL"}, tmp_path))
    done = runner.run(["python", "-c", "print('ran')"], checkout({"a.py": ""}))
    assert "the test server redis did not start" in done.stderr and "ran" not in done.stdout


def test_a_program_that_is_missing_is_named_with_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr(found, "found", lambda name: None)
    with pytest.raises(EnvironmentFault, match="no redis-server. Install Debian's package redis-server"):
        found.servers({"redis": "REDIS_URL"}, tmp_path)


def test_without_servers_nothing_is_started():
    assert found.servers({}, found.Path("/nowhere")).all == ()
