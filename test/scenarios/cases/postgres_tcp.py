# SPDX-License-Identifier: GPL-2.0-only
"""PostgreSQL, and pgbench with fifty connections by TCP, which is not saved: ten times."""

import collections
import shutil
import subprocess

from cases.postgres import binaries
from stage import expect, free_port, wait_until

PROGRAMS = ("setpriv", "psql", "pgbench")
CLIENTS, EACH, RATE, TIMES = 50, 500, 900, 10
TREE = """
export PATH={bin}:$PATH
initdb -D data -A trust >/dev/null || exit 1
exec postgres -D data -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=
"""
TRANSACTION = """
\\set amount random(1, 1000)
BEGIN;
UPDATE purse SET amount = amount + :amount WHERE client = :client_id;
INSERT INTO ledger VALUES (:client_id, :amount);
END;
"""
TABLES = """
CREATE TABLE purse (client int PRIMARY KEY, amount bigint);
CREATE TABLE ledger (client int, amount bigint);
INSERT INTO purse SELECT n, 0 FROM generate_series(0, {most}) n;
"""


def _acknowledged(stage):
    """Of each client, how many transactions pgbench has seen committed."""
    lines = [line for path in stage.top.glob("ack.*") for line in path.read_text().splitlines()]
    return collections.Counter(int(line.split()[0]) for line in lines)


def run(stage):
    """No client sees an error; what it was told is committed is there, and nothing else."""
    directory, port = binaries(), free_port()
    shutil.chown(stage.top, "postgres")
    server = ("-h", "127.0.0.1", "-p", port, "-U", "postgres")
    pid = stage.start("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "sh",
                      "-c", TREE.format(bin=directory, port=port))

    def ask(query):
        return stage.tell("psql", *server, "-At", "-c", query, "postgres").strip()

    wait_until(lambda: subprocess.run(
        ["psql", *map(str, server), "-c", "", "postgres"], check=False, capture_output=True
    ).returncode == 0, "the server to answer")
    ask(TABLES.format(most=CLIENTS - 1))
    stage.file("transaction.sql").write_text(TRANSACTION)
    with open(stage.file("pgbench.out"), "w", encoding="utf-8") as out, subprocess.Popen(
            ["pgbench", *map(str, server), "-n", "-c", str(CLIENTS), "-j", "2", "-t", str(EACH),
             "-R", str(RATE), "-l", "--log-prefix=ack", "-f", "transaction.sql", "postgres"],
            cwd=stage.top, stdout=out, stderr=out) as pgbench:
        for turn in range(TIMES):
            seen = int(ask("SELECT count(*) FROM ledger"))
            wait_until(lambda: int(ask("SELECT count(*) FROM ledger")) > seen + 2 * CLIENTS,
                       f"transactions, time {turn}")
            stage.save_and_bring_back(pid, "--tcp-established")
            expect(pgbench.poll() is None, f"pgbench has ended: {stage.read('pgbench.out')}")
        code = pgbench.wait(timeout=120)
    text = stage.read("pgbench.out")
    expect(code == 0 and "rror" not in text and "abort" not in text, f"pgbench: {code}, {text}")
    acknowledged = _acknowledged(stage)
    expect(acknowledged == {nr: EACH for nr in range(CLIENTS)}, f"acknowledged: {acknowledged}")
    found = dict(tuple(map(int, line.split("|"))) for line in ask(
        "SELECT client, count(*) FROM ledger GROUP BY client").splitlines())
    expect(found == acknowledged, f"acknowledged {acknowledged}, found {found}")
    expect(ask("SELECT count(*) FROM purse p WHERE amount <> (SELECT sum(amount) FROM ledger l "
               "WHERE l.client = p.client)") == "0", "a purse is not what the ledger says")
    stage.end(pid)
