#!/usr/bin/python3
"""Servers are killed while clients work, and after each the store is compared with what the clients
wrote down: acknowledged = found, nothing doubled, repeats harmless, farm_verify() content.

    servers.py [--seconds N] crash KILL_PROGRAM DIR
    servers.py [--asynchronous] [--seconds N] failover KILL_PROGRAM DIR

crash: a server of our own is killed in turn by kill -9, by an immediate stop, and by kill -9 of one
of its sessions; each time it recovers, and the clients' sessions go on by themselves.
failover: the primary of a synchronous standby is killed and the standby promoted. The clients know
both hosts; some ask the standby first and are told that it takes no writes until then.
--asynchronous: the standby lags behind and nobody waits for it, so that what was acknowledged is
lost, which must be noticed. KILL_PROGRAM is what tests/fault/kill.c became. Exits with 77 without
Postgres.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
import postgres_cluster  # noqa: E402
from postgres_cluster import HOST, Cluster, Failure, is_ours  # noqa: E402

CLIENT_COUNT = 4
READER_COUNT = 4     # ask the standby first, each with another kind of operation
PROGRESS_LINES = 30  # of each client, between two kills
WAIT_SECONDS = 120   # for what must come; who waits longer waits for ever
SCHEMA = "schema=kill"


def wait_until(what, probe):
    deadline = time.monotonic() + WAIT_SECONDS
    while not probe():
        if time.monotonic() > deadline:
            raise Failure(f"waited in vain: {what}")
        time.sleep(0.01)


class Server(Cluster):
    """A Postgres without a pooler that can be killed and started again on its port."""

    def create(self):
        self.stop()
        self.make_folder()
        self.make_database(is_durable=True)

    def create_standby(self, primary):
        self.stop()
        self.make_folder()
        self.run_quietly([self.program("pg_basebackup"), "-h", HOST, "-p", str(primary.port),
                          "-U", "farm_owner", "-D", self.path("data"), "-R", "-c", "fast",
                          "--no-sync"], cwd="/")
        self.start_postgres(is_durable=True)

    @property
    def port(self):
        return self.state["port"]

    @property
    def pid(self):
        return self.state["postgres_pid"]

    def signal(self, number):
        os.kill(self.pid, number)
        wait_until("the server ends", lambda: not is_ours(self.pid, self.path()))

    def start_again(self):
        """What the last one has left behind may need a moment to notice that it is gone."""
        def starts():
            with contextlib.suppress(Failure):
                self.start_postgres(is_durable=True, own_port=self.port)
                return True
        wait_until("the server starts again", starts)

    def answers(self):
        with contextlib.suppress(Failure):
            return bool(self.psql("SELECT 1"))

    def kill_session(self):
        """The server takes the end of one process for a crash and begins again by itself."""
        pid = self.psql("SELECT pid FROM pg_stat_activity WHERE usename = 'farm_app' "
                        "ORDER BY backend_start LIMIT 1").strip()
        if pid:
            os.kill(int(pid), signal.SIGKILL)
        wait_until("the server has recovered", self.answers)

    def uri(self, user="farm_app", more=""):
        return f"postgresql://{user}@{HOST}:{self.port}/farm?{SCHEMA}{more}"


class Clients:
    """Processes that work on a store and write down what they do, each in a file log.NUMBER."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.processes = []
        self.logs = []
        self.count = 0

    def start(self, uris):
        self.processes, self.logs = [], []
        for uri in uris:
            log = os.path.join(self.folder, f"log.{self.count}")
            with open(log, "wb") as file:
                self.processes.append(subprocess.Popen(
                    [self.program, "run", uri, str(self.count)], stdout=file))
            self.logs.append(log)
            self.count += 1

    def acknowledged(self):
        counts = []
        for log in self.logs:
            with open(log, "rb") as file:
                counts.append(file.read().count(b"d "))
        return counts

    def await_progress(self, lines=PROGRESS_LINES, of=None):
        """Each gets so many more operations done, or those numbered in `of`."""
        before = self.acknowledged()
        of = range(len(before)) if of is None else of

        def is_done():
            if any(process.poll() is not None for process in self.processes):
                raise Failure("a client gave up")
            now = self.acknowledged()
            return all(now[i] >= before[i] + lines for i in of)
        wait_until("the clients go on by themselves", is_done)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def check(self, uri):
        self.stop()
        return subprocess.run([self.program, "check", uri, *self.logs]).returncode == 0


def run_quietly(program, *arguments):
    if subprocess.run([program, *arguments]).returncode != 0:
        raise Failure(f"{' '.join(arguments[:1])} failed")


def prepare(program, server):
    run_quietly(program, "prepare", server.uri(), server.uri("farm_owner", "&grant_to=farm_app"))


def crash(arguments, folder, stack):
    server = Server(os.path.join(folder, "server"))
    stack.callback(server.stop)
    server.create()
    prepare(arguments.program, server)
    clients = Clients(arguments.program, folder)
    stack.callback(clients.stop)
    clients.start([server.uri()] * CLIENT_COUNT)
    until = time.monotonic() + arguments.seconds
    rounds = 0
    while rounds < 3 or time.monotonic() < until:
        clients.await_progress()
        if rounds % 3 == 2:
            server.kill_session()
        else:
            server.signal((signal.SIGKILL, signal.SIGQUIT)[rounds % 3])
            server.start_again()
        rounds += 1
    clients.await_progress()
    print(f"a server was killed {rounds} times under {CLIENT_COUNT} clients", flush=True)
    return clients.check(server.uri())


def pair(folder, stack, is_synchronous):
    primary = Server(os.path.join(folder, "primary"))
    standby = Server(os.path.join(folder, "standby"))
    stack.callback(primary.stop)
    stack.callback(standby.stop)
    primary.create()
    standby.create_standby(primary)
    if is_synchronous:
        primary.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.psql("SELECT pg_reload_conf()")
        wait_until("the standby is synchronous", lambda: "sync" in primary.psql(
            "SELECT sync_state FROM pg_stat_replication").split())
    return primary, standby


def fall_behind(standby):
    """It goes on as a standby, and receives no more."""
    standby.psql(f"ALTER SYSTEM SET primary_conninfo = 'host={HOST} port=1'")
    standby.psql("SELECT pg_reload_conf()")
    wait_until("the standby receives no more", lambda: standby.psql(
        "SELECT count(*) FROM pg_stat_wal_receiver").strip() == "0")


def fail_over(arguments, folder, stack):
    primary, standby = pair(folder, stack, not arguments.asynchronous)
    prepare(arguments.program, primary)
    clients = Clients(arguments.program, folder)
    stack.callback(clients.stop)
    wait_until("the standby has the schema", lambda: standby.psql(
        "SELECT count(*) FROM pg_class WHERE relname = 'fault_counter'", database="farm")
        .strip() == "1")
    both = f"{HOST}:{primary.port},{HOST}:{standby.port}"
    writable = (f"postgresql://farm_app@{both}/farm?{SCHEMA}"
                "&target_session_attrs=read-write&connect_timeout=2")
    either = f"postgresql://farm_app@{HOST}:{standby.port},{HOST}:{primary.port}/farm?{SCHEMA}"
    clients.start([writable] * CLIENT_COUNT + [either] * READER_COUNT)
    if arguments.asynchronous:
        clients.await_progress(of=range(CLIENT_COUNT))
        fall_behind(standby)
    clients.await_progress(of=range(CLIENT_COUNT))
    wait_until("the standby refuses every kind of write", lambda: all(
        os.path.getsize(log) > 0 for log in clients.logs[CLIENT_COUNT:]))
    primary.signal(signal.SIGKILL)
    standby.psql("SELECT pg_promote()")
    clients.await_progress()
    print(f"a standby took over under {CLIENT_COUNT + READER_COUNT} clients", flush=True)
    return clients.check(standby.uri())


def main():
    parser = argparse.ArgumentParser(description="Kill servers under clients.")
    parser.add_argument("--asynchronous", action="store_true")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("action", choices=("crash", "failover"))
    parser.add_argument("program")
    parser.add_argument("directory")
    arguments = parser.parse_args()
    try:
        postgres_cluster.find_binaries()
    except Failure:
        return 77
    folder = os.path.realpath(arguments.directory)
    os.makedirs(folder, exist_ok=True)
    until = time.monotonic() + arguments.seconds
    is_good = True
    while is_good:
        with contextlib.ExitStack() as stack:
            act = crash if arguments.action == "crash" else fail_over
            is_good = act(arguments, folder, stack)
        if time.monotonic() >= until:
            break
    return 0 if is_good else 1


if __name__ == "__main__":
    def leave(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, leave)
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"servers.py: {failure}")
