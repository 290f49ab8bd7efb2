# SPDX-License-Identifier: GPL-2.0-only
"""node: timers, worker threads of its own, and a child that it talks to."""

from stage import expect, wait_until

PROGRAMS = ("node",)
PROGRAM = """
const fs = require('fs'), child_process = require('child_process');
let sent = 0, answered = 0, wrong = 0;
const child = child_process.spawn('sh', ['-c', 'while read line; do echo "$line"; done']);
let rest = '';
child.stdout.on('data', data => {
	const lines = (rest + data).split('\\n');
	rest = lines.pop();
	for (const line of lines)
		if (+line !== ++answered) wrong++;
});
setInterval(() => {
	child.stdin.write(`${++sent}\\n`);
	fs.writeFile('state.new', `${sent} ${answered} ${wrong}`, () =>
		fs.rename('state.new', 'state', () => {}));
}, 5);
"""


def run(stage):
    """Every line is answered, in order, whatever was on its way."""
    def state():
        return [int(word) for word in stage.read("state").split()] or [0, 0, 0]

    stage.file("program.js").write_text(PROGRAM)
    pid = stage.start("node", "program.js")
    wait_until(lambda: state()[1] > 20, "the first answers")
    for _ in range(3):
        stage.save_and_bring_back(pid)
        seen = state()
        wait_until(lambda: state()[1] > seen[0] + 20, "answers after the restore")
        expect(not state()[2], f"{state()[2]} answers were not those that were due")
    stage.end(pid)
