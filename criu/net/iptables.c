// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chain of its own in each of the two filter tables, that INPUT and OUTPUT begin with. One run
 * of iptables-restore(8) makes all of it, one removes it: each table at once or not at all. With
 * many connections every packet is compared with each, so nftables is the default.
 */
#include "criu/net/iptables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/net/lock.h"

#define NAME_HEX 20 /* a chain has at most 28 letters */

static const struct tool {
	int family;
	const char *restore, *list;
} tools[] = {
	{ AF_INET, "iptables-restore", "iptables" },
	{ AF_INET6, "ip6tables-restore", "ip6tables" },
};

const char *iptables_lock_name(const char *run_id, char *buf, size_t size)
{
	size_t at = (size_t)snprintf(buf, size, "crtool-"), hex = 0;

	for (; *run_id && hex < NAME_HEX && at + 1 < size; run_id++)
		if (*run_id != '-') {
			buf[at++] = *run_id;
			hex++;
		}
	buf[at] = '\0';
	return buf;
}

static void memfd_line(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	str_make_printable(buf);
}

static int spawn(const char *name, char *const argv[], int in, int out, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int r;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawnp(ret, name, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

/* The exit status; what it says is in text. */
static int run(char *const argv[], const struct strbuf *input, char *text, size_t size)
{
	cleanup_close int in = memfd_create("iptables", MFD_CLOEXEC);
	cleanup_close int out = memfd_create("iptables", MFD_CLOEXEC);
	int status, r = in < 0 || out < 0 ? -errno : 0;
	pid_t pid;

	if (r >= 0 && input->data)
		r = io_pwrite(in, input->data, input->len, 0);
	if (r >= 0)
		r = spawn(argv[0], argv, in, out, &pid);
	if (r < 0)
		return fail_hint(fail(-r, "network lock: run %s", argv[0]),
				 "install iptables, or try --network-lock nftables");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(errno, "network lock: wait for %s", argv[0]);
	memfd_line(out, text, size);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int restore(const struct tool *t, const struct strbuf *rules)
{
	char name[24], text[256];
	char *argv[] = { name, (char[]){ "--noflush" }, (char[]){ "--wait" }, NULL };
	int r;

	snprintf(name, sizeof(name), "%s", t->restore);
	r = run(argv, rules, text, sizeof(text));
	return r > 0 ? fail_plain("network lock: %s: %s", t->restore, text) : r;
}

static void rule(struct strbuf *b, const char *chain, const struct net_conn *c, bool comes_in)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
	uint16_t ports[] = { ntohs(c->remote_port), ntohs(c->local_port) };

	inet_ntop(c->family, c->local, local, sizeof(local));
	inet_ntop(c->family, c->remote, remote, sizeof(remote));
	strbuf_printf(b, "-A %s -p tcp -s %s --sport %u -d %s --dport %u -j DROP\n", chain,
		      comes_in ? remote : local, ports[!comes_in], comes_in ? local : remote,
		      ports[comes_in]);
}

static int make_in(const struct tool *t, const char *chain, const struct net_conn *conns, size_t nr)
{
	struct strbuf b = { 0 };
	int r;

	strbuf_printf(&b, "*filter\n:%s - [0:0]\n", chain);
	strbuf_printf(&b, "-A %s -m mark --mark %#x -j RETURN\n", chain, NETLOCK_MARK);
	for (size_t i = 0; i < nr; i++) {
		if (conns[i].family != t->family)
			continue;
		rule(&b, chain, &conns[i], true);
		rule(&b, chain, &conns[i], false);
	}
	strbuf_printf(&b, "-I INPUT -j %s\n-I OUTPUT -j %s\nCOMMIT\n", chain, chain);
	r = restore(t, &b);
	strbuf_done(&b);
	return r;
}

static int remove_from(const struct tool *t, const char *chain)
{
	struct strbuf b = { 0 };
	int r;

	strbuf_printf(&b, "*filter\n-D INPUT -j %s\n-D OUTPUT -j %s\n-F %s\n-X %s\nCOMMIT\n", chain,
		      chain, chain, chain);
	r = restore(t, &b);
	strbuf_done(&b);
	return r;
}

/* A chain that is not there is said by the exit status alone. */
static int exists_in(const struct tool *t, const char *chain)
{
	const struct strbuf none = { 0 };
	char name[16], arg[32], text[256];
	char *argv[] = {
		name, (char[]){ "--wait" }, (char[]){ "-n" }, (char[]){ "-L" }, arg, NULL
	};
	int r;

	snprintf(name, sizeof(name), "%s", t->list);
	snprintf(arg, sizeof(arg), "%s", chain);
	r = run(argv, &none, text, sizeof(text));
	return r < 0 ? r : r == 0;
}

int iptables_lock_exists(const char *chain)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tools) && !r; i++)
		r = exists_in(&tools[i], chain);
	return r;
}

static bool has_family(const struct net_conn *conns, size_t nr, int family)
{
	for (size_t i = 0; i < nr; i++)
		if (conns[i].family == family)
			return true;
	return false;
}

/* Of a dump that is restored for the second time it is there. */
int iptables_lock(const char *chain, const struct net_conn *conns, size_t nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		int r = 1;

		if (has_family(conns, nr, tools[i].family))
			r = exists_in(&tools[i], chain);
		if (!r)
			r = make_in(&tools[i], chain, conns, nr);
		if (r < 0)
			return r;
	}
	return 0;
}

int iptables_unlock(const char *chain)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		int r = exists_in(&tools[i], chain);

		if (r > 0)
			r = remove_from(&tools[i], chain);
		if (r < 0)
			ret = r;
	}
	return ret;
}
