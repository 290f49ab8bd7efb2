// SPDX-License-Identifier: GPL-2.0-only
#include "criu/flow/stats.h"

#include <fcntl.h>
#include <unistd.h>

#include "criu/image/writer.h"
#include "images/stats.pb-c.h"

static int stats_put(struct session *s, enum image_kind kind, const StatsEntry *e)
{
	char name[IMAGE_NAME_MAX];
	struct image_dir *dir;
	const char *path = s->opts->work_dir ? s->opts->work_dir : s->opts->images_dir;
	int r = image_dir_join(path, &dir);

	if (r < 0)
		return r;
	r = image_put(dir, kind, 0, &e->base);
	if (r < 0)
		unlinkat(image_dir_fd(dir), image_file_name(kind, 0, name), 0);
	image_dir_free(dir);
	return r;
}

int stats_write_dump(struct session *s)
{
	const struct stats *st = &s->stats;
	DumpStatsEntry dump = DUMP_STATS_ENTRY__INIT;
	StatsEntry e = STATS_ENTRY__INIT;

	dump.freezing_time = (uint32_t)st->freezing_us;
	dump.frozen_time = (uint32_t)st->frozen_us;
	dump.memdump_time = (uint32_t)st->memdump_us;
	dump.memwrite_time = (uint32_t)st->memwrite_us;
	dump.pages_scanned = st->pages_scanned;
	dump.pages_skipped_parent = st->pages_in_parent;
	dump.pages_written = st->pages_written;
	dump.has_shpages_scanned = dump.has_shpages_written = true;
	dump.shpages_scanned = st->shpages_scanned;
	dump.shpages_written = st->shpages_written;
	e.dump = &dump;
	return stats_put(s, IMAGE_STATS_DUMP, &e);
}

int stats_write_restore(struct session *s)
{
	const struct stats *st = &s->stats;
	RestoreStatsEntry restore = RESTORE_STATS_ENTRY__INIT;
	StatsEntry e = STATS_ENTRY__INIT;

	restore.forking_time = (uint32_t)st->forking_us;
	restore.restore_time = (uint32_t)st->restore_us;
	restore.has_pages_restored = true;
	restore.pages_restored = st->pages_restored;
	e.restore = &restore;
	return stats_put(s, IMAGE_STATS_RESTORE, &e);
}
