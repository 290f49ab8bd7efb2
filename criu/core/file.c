// SPDX-License-Identifier: GPL-2.0-only
#include "criu/core/file.h"

#include <stdio.h>

#include "criu/image/writer.h"

int dump_file_write(struct dump *d, uint32_t id, FileEntry *e)
{
	e->id = id;
	if (!d->files_img) {
		int r = image_writer_open(d->s->images, IMAGE_FILES, 0, &d->files_img);

		if (r < 0)
			return r;
	}
	return image_write(d->files_img, &e->base);
}

const char *fd_probe_name(const struct fd_probe *p, char *buf, size_t size)
{
	if (p->to)
		snprintf(buf, size, "pid %d (%s): fd %d: in flight", (int)p->to->pid, p->to->comm,
			 p->to_fd);
	else
		snprintf(buf, size, "pid %d (%s): fd %d", (int)p->task->pid, p->task->comm, p->fd);
	return buf;
}
