#!/usr/bin/python3
"""A private Postgres cluster for the tests, with a PgBouncer in transaction mode in front of it.

    postgres_cluster.py start DIR [--durable]     start both; print lines for a shell to evaluate
    postgres_cluster.py stop DIR                  stop both, by the pids recorded in DIR
    postgres_cluster.py run DIR [--durable] -- COMMAND …
                                                  start, run COMMAND with those variables set,
                                                  stop, and exit as COMMAND did

Postgres refuses to run as root: started by root, both run as an unprivileged user. What `start`
finds running in DIR it leaves running; what a killed run has left it removes. The binaries are
those of FARM_TEST_POSTGRES_BIN, else of the newest Debian package, else of PATH.

Roles: `farm_app` (no superuser, bound by row policies; may make tables in the schema public),
`farm_owner` (superuser), `farm_password` (as farm_app, but over TCP it must show its password).
Without --durable a crash of the machine may lose everything, as nothing is synced to disk.
This file holds no test.
"""

import argparse
import contextlib
import fcntl
import glob
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HOST = "127.0.0.1"
PASSWORD = "farm_secret"
START_TRIES = 5
READY_SECONDS = 30
STOP_SECONDS = 10
SOCKET_PATH_MAX = 100
UNPRIVILEGED_USERS = ("postgres", "nobody")
STATE_FILE = "state.json"

INITIAL_SQL = f"""
CREATE DATABASE farm TEMPLATE template0;
CREATE ROLE farm_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
CREATE ROLE farm_password LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{PASSWORD}';
\\connect farm
GRANT ALL ON SCHEMA public TO farm_app;
"""

HBA = """\
host  all farm_password all          scram-sha-256
local all all                        trust
host  all all           127.0.0.1/32 trust
host  replication farm_owner 127.0.0.1/32 trust
"""

SETTINGS = {
    "listen_addresses": HOST,
    "max_connections": "200",
    "deadlock_timeout": "50ms",
    "shared_buffers": "32MB",
    "lc_messages": "C",
    "timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
}
# Survives a kill of the server, not of the machine.
QUICK_SETTINGS = {"fsync": "off", "full_page_writes": "off"}

POOLER_INI = """\
[databases]
* = host={folder} port={port}
[pgbouncer]
listen_addr = {host}
listen_port = {pooler_port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 50
max_client_conn = 1000
pidfile = {folder}/pgbouncer.pid
log_connections = 0
log_disconnections = 0
"""

POOLER_USERS = f"""\
"farm_app" ""
"farm_owner" ""
"farm_password" "{PASSWORD}"
"""


class Failure(Exception):
    """What the user is told in one line."""


def find_user():
    """The user to run as, or None when we are one already."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Failure(f"none of the users {', '.join(UNPRIVILEGED_USERS)} exists")


def as_user(user, command):
    if user is None:
        return command
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, "--", *command]


def clean_environment():
    """Ours without libpq's variables, which would lead it elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def find_binaries():
    folder = os.environ.get("FARM_TEST_POSTGRES_BIN")
    if folder:
        return folder
    packages = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    if packages:
        newest = max(packages, key=lambda path: int(re.findall(r"\d+", path)[0]))
        return os.path.dirname(newest)
    found = shutil.which("postgres")
    if found is None:
        raise Failure("there is no Postgres: install it or set FARM_TEST_POSTGRES_BIN")
    return os.path.dirname(os.path.realpath(found))


def find_pooler():
    places = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    found = shutil.which("pgbouncer", path=places)
    if found is None:
        raise Failure("there is no pgbouncer: install it")
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def arguments_of(pid):
    """The command line of a process, "" when there is none."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    if os.path.isdir("/proc/self"):
        return ""
    listed = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
    return listed.stdout


def is_ours(pid, folder):
    """A pid may have passed to a stranger: ours names its folder in its arguments."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return f"{folder}/" in arguments_of(pid)


def end_process(pid, folder, signals):
    """Signal until it is gone, each time more firmly."""
    for number in signals:
        if not is_ours(pid, folder):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while is_ours(pid, folder) and time.monotonic() < deadline:
            time.sleep(0.01)


class Cluster:
    """What runs in one DIR; its state is in DIR/state.json, the rest in a folder of its own."""

    def __init__(self, directory):
        self.directory = os.path.realpath(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.user = find_user()
        self.binaries = find_binaries()
        self.state = {}

    @contextlib.contextmanager
    def lock(self):
        with open(os.path.join(self.directory, "lock"), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read_state(self):
        self.state = {}
        with contextlib.suppress(OSError, ValueError):
            with open(os.path.join(self.directory, STATE_FILE)) as file:
                self.state = json.load(file)

    def write_state(self, **changes):
        self.state.update(changes)
        path = os.path.join(self.directory, STATE_FILE)
        with open(path + ".new", "w") as file:
            json.dump(self.state, file)
        os.replace(path + ".new", path)

    def path(self, *names):
        return os.path.join(self.state["folder"], *names)

    def program(self, name):
        return os.path.join(self.binaries, name)

    def run_quietly(self, command, **options):
        """In a folder that whoever runs it may enter: else it complains among its output."""
        options.setdefault("cwd", "/")
        done = subprocess.run(as_user(self.user, command), env=clean_environment(), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        if done.returncode != 0:
            raise Failure(f"{os.path.basename(command[0])} failed: {done.stdout.strip()[-2000:]}")
        return done.stdout

    # --- stopping ---------------------------------------------------------------------------

    def recorded_pids(self):
        """Postmaster and pooler, also when we were killed before we could note their pids."""
        postgres = [self.state.get("postgres_pid")]
        pooler = [self.state.get("pooler_pid")]
        for pids, names in ((postgres, ("data", "postmaster.pid")), (pooler, ("pgbouncer.pid",))):
            with contextlib.suppress(OSError, ValueError):
                with open(self.path(*names)) as file:
                    pids.append(int(file.readline()))
        return set(filter(None, postgres)), set(filter(None, pooler))

    def stop(self):
        self.read_state()
        folder = self.state.get("folder")
        if folder is None:
            return
        postgres, pooler = self.recorded_pids()
        for pid in pooler:
            end_process(pid, folder, (signal.SIGTERM, signal.SIGKILL))
        for pid in postgres:
            end_process(pid, folder, (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
        left = [pid for pid in postgres | pooler if is_ours(pid, folder)]
        if left:
            raise Failure(f"these processes do not end: {left}")
        shutil.rmtree(folder, ignore_errors=True)
        os.remove(os.path.join(self.directory, STATE_FILE))

    # --- starting ---------------------------------------------------------------------------

    def is_reachable(self, folder):
        """Whether the unprivileged user can get there, and a socket in it has a short name."""
        if len(f"{folder}/.s.PGSQL.65535") > SOCKET_PATH_MAX:
            return False
        probe = as_user(self.user, ["test", "-x", os.path.dirname(folder)])
        return subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0

    def make_folder(self):
        """Never the same twice: an initdb whose starter was killed may still write to its own."""
        for left in glob.glob(os.path.join(glob.escape(self.directory), "run-*")):
            shutil.rmtree(left, ignore_errors=True)
        place, prefix = self.directory, "run-"
        if not self.is_reachable(os.path.join(self.directory, "run-12345678")):
            place, prefix = "/tmp", "farm-postgres-"
        folder = tempfile.mkdtemp(prefix=prefix, dir=place)
        self.state = {}
        self.write_state(folder=folder)
        os.chmod(folder, 0o755)
        if self.user is not None:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)

    def write_file(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), 0o644)

    def spawn(self, command, log):
        with open(os.path.join(self.directory, log), "ab") as output:
            process = subprocess.Popen(
                as_user(self.user, command), env=clean_environment(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, cwd="/", start_new_session=True)
        return process

    def psql(self, sql, port=None, host=None, user="farm_owner", database="postgres"):
        target = ["-h", host or self.path(), "-p", str(port or self.state["port"])]
        options = ["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1"]
        return self.run_quietly([self.program("psql"), *options, *target, "-U", user,
                                 "-d", database], input=sql)

    def wait_for(self, process, probe):
        """Until the probe passes. False when the process ended or time is up."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(Failure):
                probe()
                return True
            time.sleep(0.02)
        return False

    def start_postgres(self, is_durable, own_port=None):
        settings = {**SETTINGS, **({} if is_durable else QUICK_SETTINGS),
                    "unix_socket_directories": self.path()}
        for _ in range(START_TRIES):
            port = own_port or free_port()
            self.write_state(port=port)
            command = [self.program("postgres"), "-D", self.path("data"), "-p", str(port)]
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]
            process = self.spawn(command, "postgres.log")
            self.write_state(postgres_pid=process.pid)
            if self.wait_for(process, lambda: self.psql("SELECT 1")):
                return
            end_process(process.pid, self.path(), (signal.SIGQUIT, signal.SIGKILL))
        raise Failure(f"Postgres does not start: see {self.directory}/postgres.log")

    def start_pooler(self):
        self.write_file("users.txt", POOLER_USERS)
        for _ in range(START_TRIES):
            port = free_port()
            self.write_state(pooler_port=port)
            self.write_file("pgbouncer.ini", POOLER_INI.format(
                folder=self.path(), host=HOST, port=self.state["port"], pooler_port=port))
            process = self.spawn([find_pooler(), "-q", self.path("pgbouncer.ini")], "pgbouncer.log")
            self.write_state(pooler_pid=process.pid)
            if self.wait_for(process, lambda: self.psql("SELECT 1", port, HOST, database="farm")):
                return
            end_process(process.pid, self.path(), (signal.SIGTERM, signal.SIGKILL))
        raise Failure(f"PgBouncer does not start: see {self.directory}/pgbouncer.log")

    def is_running(self):
        self.read_state()
        if not self.state.get("is_ready"):
            return False
        pids = (self.state["postgres_pid"], self.state["pooler_pid"])
        if not all(is_ours(pid, self.state["folder"]) for pid in pids):
            return False
        try:
            self.psql("SELECT 1", self.state["pooler_port"], HOST, database="farm")
        except Failure:
            return False
        return True

    def make_database(self, is_durable):
        self.run_quietly([self.program("initdb"), "-D", self.path("data"), "-U", "farm_owner",
                          "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
                          "--no-instructions"], cwd="/")
        with open(self.path("data", "pg_hba.conf"), "w") as file:
            file.write(HBA)
        self.start_postgres(is_durable)
        self.psql(INITIAL_SQL)

    def start(self, is_durable):
        if self.is_running() and self.state["is_durable"] == is_durable:
            return
        self.stop()
        self.make_folder()
        self.make_database(is_durable)
        self.start_pooler()
        self.write_state(is_ready=True, is_durable=is_durable)

    def variables(self):
        port, pooler_port = self.state["port"], self.state["pooler_port"]
        socket_folder = self.path().replace("/", "%2F")
        return {
            "FARM_TEST_POSTGRES": f"postgresql://farm_app@{HOST}:{port}/farm",
            "FARM_TEST_POSTGRES_OWNER": f"postgresql://farm_owner@{HOST}:{port}/farm",
            "FARM_TEST_POSTGRES_SOCKET": f"postgresql://farm_app@{socket_folder}:{port}/farm",
            "FARM_TEST_PGBOUNCER": f"postgresql://farm_app@{HOST}:{pooler_port}/farm",
            "FARM_TEST_PGBOUNCER_OWNER": f"postgresql://farm_owner@{HOST}:{pooler_port}/farm",
            "FARM_TEST_POSTGRES_PASSWORD_URI": f"postgresql://farm_password@{HOST}:{port}/farm",
            "FARM_TEST_POSTGRES_PASSWORD": PASSWORD,
            "FARM_TEST_POSTGRES_HOST": HOST,
            "FARM_TEST_POSTGRES_PORT": str(port),
            "FARM_TEST_PGBOUNCER_PORT": str(pooler_port),
            "FARM_TEST_POSTGRES_PID": str(self.state["postgres_pid"]),
            "FARM_TEST_PGBOUNCER_PID": str(self.state["pooler_pid"]),
            "FARM_TEST_POSTGRES_BIN": self.binaries,
        }


def run_command(cluster, is_durable, command):
    """Its exit status, as a shell tells it."""
    def leave(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, leave)
    try:
        with cluster.lock():
            cluster.start(is_durable)
        done = subprocess.run(command, env={**os.environ, **cluster.variables()})
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        with cluster.lock():
            cluster.stop()
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="A private Postgres cluster with a PgBouncer, for tests.")
    parser.add_argument("action", choices=("start", "stop", "run"))
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--durable", action="store_true", help="sync to disk as in production")
    own, command = sys.argv[1:], []
    if "--" in own:
        split = own.index("--")
        own, command = own[:split], own[split + 1:]
    arguments = parser.parse_args(own)
    if (arguments.action == "run") != bool(command):
        parser.error("run, and run alone, takes -- COMMAND …")
    return arguments, command


def main():
    arguments, command = parse_arguments()
    cluster = Cluster(arguments.directory)
    if arguments.action == "run":
        return run_command(cluster, arguments.durable, command)
    with cluster.lock():
        if arguments.action == "stop":
            cluster.stop()
            return 0
        try:
            cluster.start(arguments.durable)
        except BaseException:
            cluster.stop()
            raise
    for name, value in cluster.variables().items():
        print(f"{name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"postgres_cluster.py: {failure}")
