# SPDX-License-Identifier: GPL-2.0-only
"""A JVM: threads, a monitor, and a heap that is collected all the time."""

from stage import expect, wait_until

PROGRAMS = ("java", "javac")
PROGRAM = """
import java.nio.file.*;
public class Count {
	static final Object lock = new Object();
	static long both, a, b;
	static void count(boolean first) {
		for (;;) {
			byte[] garbage = new byte[20000];
			synchronized (lock) {
				both += garbage[0] + 1;
				if (first) a++; else b++;
			}
			try { Thread.sleep(1); } catch (InterruptedException e) { return; }
		}
	}
	public static void main(String[] args) throws Exception {
		new Thread(() -> count(true)).start();
		new Thread(() -> count(false)).start();
		for (;;) {
			String line;
			synchronized (lock) { line = both + " " + a + " " + b; }
			Files.writeString(Path.of("state.new"), line);
			Files.move(Path.of("state.new"), Path.of("state"),
				   StandardCopyOption.ATOMIC_MOVE);
			Thread.sleep(5);
		}
	}
}
"""


def run(stage):
    """All threads count on, and nothing is counted twice."""
    def state():
        return [int(word) for word in stage.read("state").split()] or [0, 0, 0]

    stage.file("Count.java").write_text(PROGRAM)
    stage.tell("javac", "Count.java")
    pid = stage.start("java", "-XX:-UsePerfData", "-Xmx32m", "Count")
    wait_until(lambda: min(state()) > 50, "all threads to count")
    for _ in range(2):
        stage.save_and_bring_back(pid)
        seen = state()
        wait_until(lambda: all(now > was + 50 for now, was in zip(state(), seen)),
                   "all threads to count on")
        both, first, second = state()
        expect(both == first + second, f"{both} is not {first} + {second}")
    stage.end(pid)
