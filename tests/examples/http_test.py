"""The HTTP servers of examples/http, each asked the same by a real client.

    http_test.py SERVER URI [OWNER_URI]

SERVER is the program, server.py or server.mjs; the last URI is a SQLite file, or a Postgres whose
user may make a schema and take locks. For server.mjs, FARM_NODE is Node and FARM_NODE_PACKAGE the
folder of the package farmcore. Nothing here waits for a time to pass: what a limit has given back
meanwhile is reckoned from the time that was measured.
"""
import contextlib
import http.client
import json
import math
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from datetime import datetime, timezone
from urllib.parse import urlsplit

SERVER, URI = sys.argv[1], sys.argv[-1]
IS_POSTGRES = URI.startswith("postgresql:")
DEBIAN_NODE = "/usr/share/nodejs"  # where Debian has packages of Node
SECONDS = 120  # until what hangs has failed
SKEW = 0.5 if IS_POSTGRES else 0.0  # sessions reckon the clock of a server each for itself

TOKEN_SECONDS = {"address": 36, "user": 180}
BURST = {"address": 100, "user": 20, "reports": 3}
WINDOW = {"address": 3600, "user": 3600, "reports": 86400}
PROBLEM = "application/problem+json"
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class Answer:
    """What came back, and when: between `begun` and `ended`."""

    def __init__(self, connection, path, user=None, headers=None, method="GET", body=None):
        fields = dict(headers or {})
        if user is not None:
            fields["X-Demo-User"] = user
        self.begun = time.time()
        connection.request(method, path, body=body, headers=fields)
        response = connection.getresponse()
        self.status = response.status
        self.fields = response.headers
        self.data = response.read()
        self.ended = time.time()

    def __repr__(self):
        return f"{self.status} {dict(self.fields)} {self.data!r}"

    @property
    def remaining(self):
        """Of each limit, in the order of the field."""
        found = re.findall(r'"(\w+)";r=(\d+)', self.fields["RateLimit"] or "")
        return {name: int(left) for name, left in found}

    def until(self, name):
        return int(re.search(rf'"{name}";r=\d+;t=(\d+)', self.fields["RateLimit"])[1])


def command():
    """How the server is started, and what with."""
    if SERVER.endswith(".py"):
        return [sys.executable, SERVER]
    if SERVER.endswith(".mjs"):
        return [os.environ["FARM_NODE"], os.path.join(node_place(), "server.mjs")]
    return [SERVER]


def node_place():
    """A folder from which Node finds both packages; import asks no NODE_PATH."""
    place = tempfile.mkdtemp(prefix="farm-http-")
    unittest.addModuleCleanup(shutil.rmtree, place)
    modules = os.path.join(place, "node_modules")
    os.mkdir(modules)
    os.symlink(os.environ["FARM_NODE_PACKAGE"], os.path.join(modules, "farmcore"))
    os.symlink(os.path.join(DEBIAN_NODE, "express"), os.path.join(modules, "express"))
    shutil.copy(SERVER, place)
    return place


class Server:
    """A running server."""

    command = None

    def __init__(self, uri):
        Server.command = Server.command or command()
        self.log = tempfile.TemporaryFile("w+")
        environment = {**os.environ, "NODE_PATH": DEBIAN_NODE}
        self.process = subprocess.Popen([*Server.command, uri], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env=environment)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
        if found is None:
            complaints = self.complaints()
            self.end()
            raise AssertionError(f"it printed {line!r}: {complaints}")
        self.port = int(found[1])

    def complaints(self):
        self.log.seek(0)
        return self.log.read()

    def connect(self, address="127.0.0.1"):
        """A connection that is not made anew behind our back."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS,
                                                source_address=(address, 0))
        connection.connect()
        connection.auto_open = 0
        return contextlib.closing(connection)

    def ask(self, *arguments, address="127.0.0.1", **named):
        with self.connect(address) as connection:
            return Answer(connection, *arguments, **named)

    def stop(self):
        """Its exit status after one SIGTERM."""
        self.process.terminate()
        return self.process.wait(SECONDS)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def psql(sql):
    """What Postgres answers."""
    program = os.path.join(os.environ["FARM_TEST_POSTGRES_BIN"], "psql")
    done = subprocess.run([program, "-XqAtw", "-v", "ON_ERROR_STOP=1", URI], input=sql, text=True,
                          capture_output=True, check=True)
    return done.stdout.strip()


class Relay:
    """Between the server and its Postgres; cut() makes that unreachable, mend() reachable."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.lock = threading.Lock()
        self.sockets = []
        self.is_cut = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                with self.lock:
                    if self.is_cut:
                        near.close()
                        continue
                    far = socket.create_connection(self.to)
                    self.sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self.pump, args=pair, daemon=True).start()

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        with self.lock:
            self.is_cut = True
            for end in self.sockets:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self.sockets = []

    def mend(self):
        with self.lock:
            self.is_cut = False

    def close(self):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


# Each is asked in turn by the same address: what, user, path, status, what is then left. Where
# nothing is given back, and that is so for a while, the figures are these.
TABLE = [
    ("a greeting costs one of each", "ana", "/", 200, {"address": 99, "user": 19}),
    ("a user has his own", "bob", "/", 200, {"address": 98, "user": 19}),
    ("nobody in particular has an address", None, "/", 200, {"address": 97}),
    ("what is not there costs, too", "ana", "/nothing", 404, {"address": 96, "user": 18}),
    ("a report", "ana", "/report", 200, {"address": 95, "user": 17, "reports": 2}),
    ("two reports", "ana", "/report", 200, {"address": 94, "user": 16, "reports": 1}),
    ("three reports", "ana", "/report", 200, {"address": 93, "user": 15, "reports": 0}),
    ("a fourth is refused and takes nothing", "ana", "/report", 429,
     {"address": 93, "user": 15, "reports": 0}),
    ("the rest is not refused", "ana", "/", 200, {"address": 92, "user": 14}),
    ("nor is another's report", "bob", "/report", 200, {"address": 91, "user": 18, "reports": 2}),
    ("no name at all", "", "/", 400, {}),
    ("a name that is too long", "x" * 256, "/", 400, {}),
    ("health costs nothing", "ana", "/health", 200, {}),
    ("as one sees", "ana", "/", 200, {"address": 90, "user": 13}),
]


def is_left(found, expected, seconds):
    """Whether what is left is as expected, but for what has been given back in so many seconds."""
    if found.keys() != expected.keys():
        return False
    return all(expected[name] <= left <= expected[name] + seconds // TOKEN_SECONDS.get(name, 1e9)
               for name, left in found.items())


class Test(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="farm-http-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = None
        if IS_POSTGRES:
            self.schema = f"http_{uuid.uuid4().hex[:20]}"
            self.addCleanup(psql, f"DROP SCHEMA IF EXISTS {self.schema} CASCADE;")

    def uri(self):
        """A store of this test's own."""
        if not IS_POSTGRES:
            return f"sqlite:{self.folder}/store.db"
        parts = urlsplit(URI)
        place = parts.netloc
        if self.port is not None:
            place = place.replace(f":{parts.port}", f":{self.port}")
        return f"postgresql://{place}{parts.path}?schema={self.schema}"

    def start(self):
        server = Server(self.uri())
        self.addCleanup(server.end)
        return server

    def assert_stops(self, server):
        status = server.stop()
        self.assertEqual(status, 0, server.complaints())

    def assert_refused(self, answer, name, wait):
        """429 by the limit, with a wait between the two, and all that is said of it."""
        self.assertEqual(answer.status, 429, answer)
        self.assertEqual(answer.fields["Content-Type"].split(";")[0], PROBLEM)
        body = json.loads(answer.data)
        self.assertEqual((body["type"], body["status"], body["violated-policies"]),
                         (QUOTA_EXCEEDED, 429, [name]))
        self.assertEqual(answer.remaining[name], 0)
        retry_after = int(answer.fields["Retry-After"])
        self.assertEqual(retry_after, answer.until(name))
        self.assertLessEqual(math.ceil(wait[0] - SKEW), retry_after)
        self.assertLessEqual(retry_after, math.ceil(wait[1] + SKEW))

    def assert_policies(self, answer, names):
        self.assertEqual(answer.fields["RateLimit-Policy"],
                         ", ".join(f'"{name}";q={BURST[name]};w={WINDOW[name]}' for name in names))

    def test_the_table(self):
        server = self.start()
        # A day may end while we ask; the next one does not.
        for address in ("127.0.0.2", "127.0.0.3"):
            names = {None: None, "": "", "x" * 256: "x" * 256,
                     "ana": f"ana-{address}", "bob": f"bob-{address}"}
            with server.connect(address) as connection:
                answers = [Answer(connection, path, names[user]) for _, user, path, _, _ in TABLE]
            begun, ended = (datetime.fromtimestamp(moment, timezone.utc)
                            for moment in (answers[0].begun, answers[-1].ended))
            if begun.date() == ended.date():
                break
        for (what, _, _, status, left), answer in zip(TABLE, answers):
            with self.subTest(what):
                self.assertEqual(answer.status, status, answer)
                self.assertTrue(is_left(answer.remaining, left, answer.ended - begun.timestamp()),
                                answer)
                if left:
                    self.assert_policies(answer, left)
                self.assertEqual("Retry-After" in answer.fields, status == 429)
                if status == 429:
                    midnight = math.ceil(answer.ended / 86400) * 86400
                    self.assert_refused(answer, "reports",
                                        (midnight - answer.ended, midnight - answer.begun))
        health = json.loads(answers[-2].data)
        self.assertEqual((health["ok"], health["backend"]),
                         (True, "postgresql" if IS_POSTGRES else "sqlite"))
        self.assert_stops(server)

    def test_a_burst_and_then_no_more(self):
        server = self.start()
        with server.connect() as connection:
            answers = [Answer(connection, "/", "ana") for _ in range(BURST["user"] + 1)]
            other = Answer(connection, "/", "bob")
        first, last = answers[0], answers[-1]
        for left, answer in zip(reversed(range(BURST["user"])), answers):
            self.assertEqual(answer.status, 200, answer)
            self.assertTrue(is_left({"user": answer.remaining["user"]}, {"user": left},
                                    answer.ended - first.begun), answer)
        self.assert_refused(last, "user", (180 - (last.ended - first.begun),
                                           180 - (last.begun - first.ended)))
        self.assertEqual(other.status, 200, other)

        # What a server has counted, the next one knows.
        self.assert_stops(server)
        again = self.start().ask("/", "ana")
        self.assert_refused(again, "user", (180 - (again.ended - first.begun),
                                            180 - (again.begun - first.ended)))

    def test_nobody_chooses_his_address(self):
        server = self.start()
        count = BURST["address"]
        with server.connect("127.0.0.4") as connection:
            answers = [Answer(connection, "/", headers={"X-Forwarded-For": f"192.0.2.{i}",
                                                        "Forwarded": f"for=192.0.2.{i}"})
                       for i in range(count + 1)]
        first, last = answers[0], answers[-1]
        given = int((last.ended - first.begun) // TOKEN_SECONDS["address"])
        self.assertEqual([answer.status for answer in answers[:count]], [200] * count)
        if given == 0:
            self.assert_refused(last, "address", (36 - (last.ended - first.begun),
                                                  36 - (last.begun - first.ended)))
        self.assertEqual(server.ask("/", address="127.0.0.5").remaining["address"], count - 1)

    def test_no_spelling_of_a_path_evades_its_quota(self):
        server = self.start()
        answers = [server.ask(path, "ana") for path in
                   ("/report", "/report", "/report", "/report/", "/REPORT", "/re%70ort",
                    "//report", "/report?x", "/./report")]
        reports = [answer for answer in answers if b"a report" in answer.data]
        self.assertTrue(all("reports" in answer.remaining for answer in reports), reports)
        self.assertNotIn(200, [answer.status for answer in answers[3:]])

    def test_what_comes_at_once_is_counted_exactly(self):
        server = self.start()
        answers = []
        start = threading.Barrier(8)

        def ask():
            with server.connect("127.0.0.6") as connection:
                start.wait()
                for _ in range(8):
                    answers.append(Answer(connection, "/", "crowd"))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        begun = min(answer.begun for answer in answers)
        seconds = max(answer.ended for answer in answers) - begun
        statuses = [answer.status for answer in answers]
        self.assertEqual(len(statuses), 64)
        admitted = statuses.count(200)
        self.assertEqual(statuses.count(429), 64 - admitted)
        self.assertIn(admitted, range(20, 21 + int(seconds // TOKEN_SECONDS["user"])))
        left = server.ask("/", address="127.0.0.6")
        self.assertTrue(is_left(left.remaining, {"address": 100 - admitted - 1},
                                left.ended - begun), left)
        self.assert_stops(server)

    def test_a_body_that_nobody_asked_for(self):
        server = self.start()
        with server.connect() as connection:
            status = Answer(connection, "/", method="POST", body=b"x" * 100000).status
        self.assertIn(status, (404, 405))
        self.assertEqual(server.ask("/health").status, 200)

    def assert_unavailable(self, server):
        answer = server.ask("/", "ana")
        self.assertEqual(answer.status, 503, answer)
        self.assertEqual(answer.fields["Content-Type"].split(";")[0], PROBLEM)
        self.assertEqual(json.loads(answer.data)["status"], 503)
        self.assertEqual(answer.fields["Retry-After"], "1")

    @unittest.skipIf(IS_POSTGRES, "a file has a lock")
    def test_a_file_that_is_locked(self):
        server = self.start()
        self.assertEqual(server.ask("/", "ana").status, 200)
        with contextlib.closing(sqlite3.connect(f"{self.folder}/store.db")) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            self.assert_unavailable(server)
            self.assertEqual(server.ask("/health").status, 200)
            other.execute("ROLLBACK")
        self.assertEqual(server.ask("/", "ana").remaining["user"], 18)
        self.assert_stops(server)

    @unittest.skipUnless(IS_POSTGRES, "a server can be out of reach")
    def test_a_server_that_is_out_of_reach(self):
        relay = Relay(urlsplit(URI).port)
        self.addCleanup(relay.close)
        self.port = relay.port
        server = self.start()
        self.assertEqual(server.ask("/", "ana").status, 200)

        relay.cut()
        self.assert_unavailable(server)
        health = server.ask("/health")
        self.assertEqual((health.status, json.loads(health.data)["ok"]), (503, False), health)

        relay.mend()
        answer = server.ask("/", "ana")
        self.assertEqual((answer.status, answer.remaining.get("user")), (200, 18), answer)
        self.assertEqual(server.ask("/health").status, 200)
        self.assert_stops(server)

    @unittest.skipUnless(IS_POSTGRES, "nobody sees who waits for a file")
    def test_what_is_in_flight_at_the_end_is_answered(self):
        server = self.start()
        self.assertEqual(server.ask("/", "ana").status, 200)
        answers = []
        table = f"{self.schema}.farm_rate_bucket"
        program = os.path.join(os.environ["FARM_TEST_POSTGRES_BIN"], "psql")
        with (server.connect() as idle, subprocess.Popen(
                [program, "-XqAtw", URI], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True) as holder):
            self.assertEqual(Answer(idle, "/health").status, 200)
            holder.stdin.write(f"BEGIN;\nLOCK TABLE {table};\nSELECT 'locked';\n")
            holder.stdin.flush()
            self.assertEqual(holder.stdout.readline(), "locked\n")
            asking = threading.Thread(target=lambda: answers.append(server.ask("/", "ana")))
            asking.start()
            while psql(f"SELECT count(*) FROM pg_locks WHERE NOT granted "
                       f"AND relation = '{table}'::regclass;") == "0":
                self.assertTrue(asking.is_alive())
            server.process.terminate()
            # It has begun to stop when it hangs up on who asks nothing, or says that it will.
            deadline = time.monotonic() + SECONDS
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                while Answer(idle, "/health").fields["Connection"] != "close":
                    self.assertLess(time.monotonic(), deadline, "it does not stop")
            holder.stdin.write("COMMIT;\n")
            holder.stdin.close()
            asking.join()
        self.assertEqual([answer.status for answer in answers], [200], answers)
        self.assertEqual(server.process.wait(SECONDS), 0, server.complaints())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
