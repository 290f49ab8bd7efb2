# SPDX-License-Identifier: GPL-2.0-only
"""PostgreSQL under load: its processes, and pgbench with four connections, in one tree."""

import pathlib
import shutil

from harness.scene import Skip
from stage import expect, wait_until

PROGRAMS = ("setpriv", "psql", "pgbench")
TREE = """
export PATH={bin}:$PATH
initdb -D data -A trust || exit 1
postgres -D data -k {top}/data -c listen_addresses= &
until psql -h {top}/data -c 'select 1' postgres; do sleep 0.1; done
pgbench -h {top}/data -i -q postgres || exit 1
pgbench -h {top}/data -T 3600 -c 4 -j 2 postgres
echo pgbench has ended
wait
"""


def binaries():
    """Where Debian has the server."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise Skip("postgresql is not installed")
    return found[-1].parent


def run(stage):
    """Transactions go on, on the same connections, and none is lost."""
    directory = binaries()
    shutil.chown(stage.top, "postgres")
    pid = stage.start("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "sh",
                      "-c", TREE.format(bin=directory, top=stage.top))

    def history():
        return int(stage.tell("psql", "-h", stage.file("data"), "-U", "postgres", "-At", "-c",
                              "select count(*) from pgbench_history", "postgres"))

    def balances():
        return stage.tell("psql", "-h", stage.file("data"), "-U", "postgres", "-At", "-c",
                          "select (select sum(abalance) from pgbench_accounts) = "
                          "(select sum(delta) from pgbench_history)", "postgres").strip()

    wait_until(lambda: "starting vacuum...end" in stage.out(), "pgbench to begin")
    wait_until(lambda: history() > 20, "transactions")
    for _ in range(2):
        seen = history()
        stage.save_and_bring_back(pid)
        wait_until(lambda: history() > seen + 20, "transactions after the restore")
        expect(balances() == "t", "the accounts are not what the history says")
    expect("pgbench has ended" not in stage.out() and "ERROR" not in stage.out(), stage.out())
    stage.end(pid)
