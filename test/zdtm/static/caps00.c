// SPDX-License-Identifier: GPL-2.0-only
/* The five capability sets, all different; the process is no full root any more. */
#include <linux/capability.h>
#include <sys/prctl.h>

#include "caps.h"
#include "zdtmtst.h"

#define BIT(cap) (1ull << (cap))

static const struct caps wanted = {
	.effective = BIT(CAP_CHOWN) | BIT(CAP_KILL),
	.permitted = BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_NET_RAW) | BIT(CAP_SYSLOG),
	.inheritable = BIT(CAP_NET_RAW) | BIT(CAP_SYSLOG),
};

static int child(void *arg)
{
	struct caps now;

	must(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT));
	must(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME));
	caps_set(&wanted);
	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYSLOG, 0, 0));
	ready_report(arg);
	test_waitsig();

	caps_get(&now);
	expect(now.effective == wanted.effective, "effective %#lx", (unsigned long)now.effective);
	expect(now.permitted == wanted.permitted, "permitted %#lx", (unsigned long)now.permitted);
	expect(now.inheritable == wanted.inheritable, "inheritable %#lx",
	       (unsigned long)now.inheritable);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		bool dropped = cap == CAP_SYS_BOOT || cap == CAP_SYS_TIME;
		int ambient = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0);

		expect(!dropped || !prctl(PR_CAPBSET_READ, cap), "%d is back in the bounding set",
		       cap);
		expect(ambient == (cap == CAP_SYSLOG), "%d in the ambient set: %d", cap, ambient);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("the child has other capabilities");
	return pass();
}
