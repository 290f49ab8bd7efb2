// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/ownfile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define TO(field) offsetof(struct ownfile, field)

void ownfile_begin(struct btf_layout *l, struct bpf_code *c, size_t record)
{
	bpf_code_begin(c, record, 3);
	bpf_code_argument32(c, TO(fd), 2);
	bpf_code_read(c, TO(inode), 8, BPF_R7, btf_at(l, OWNFILE_FILE, "f_inode"));
	bpf_code_follow(c, TO(ino), 8, TO(inode), btf_at(l, OWNFILE_INODE, "i_ino"));
	bpf_code_follow(c, TO(super), 8, TO(inode), btf_at(l, OWNFILE_INODE, "i_sb"));
	bpf_code_follow(c, TO(magic), 8, TO(super), btf_at(l, OWNFILE_SUPER, "s_magic"));
	bpf_code_read(c, TO(socket), 8, BPF_R7, btf_at(l, OWNFILE_FILE, "private_data"));
	bpf_code_follow(c, TO(sock), 8, TO(socket), btf_at(l, OWNFILE_SOCKET, "sk"));
}

int ownfile_end(const struct btf_layout *l, struct bpf_code *c, int *ret)
{
	int prog = -1, r = bpf_code_end(c, l->names[OWNFILE_ITER].id, &prog);

	if (r >= 0 && l->missing) {
		close(prog);
		r = -ENOTSUP;
	}
	if (r >= 0)
		*ret = prog;
	return r;
}

struct search {
	uint64_t magic, ino;
	size_t record;
	void *ret;
	bool found;
};

static int record_look(void *arg, const void *record)
{
	const struct ownfile *f = record;
	struct search *s = arg;

	if (f->magic == s->magic && f->ino == s->ino) {
		memcpy(s->ret, record, s->record);
		s->found = true;
	}
	return 0;
}

int ownfile_read(int prog, size_t record, uint64_t magic, uint64_t ino, void *ret)
{
	struct search s = { magic, ino, record, ret, false };
	int r = bpf_iterate(prog, record, BPF_OF_PROCESS, getpid(), record_look, &s);

	/* Before 6.1 there is no way to ask for one process. */
	if (r == -EINVAL)
		r = bpf_iterate(prog, record, BPF_OF_ALL, 0, record_look, &s);
	return r < 0 ? r : s.found;
}
