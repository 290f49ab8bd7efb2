// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/xattr.h"

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"

static const char *const acls[] = { "system.posix_acl_access", "system.posix_acl_default" };

/* What the kernel computes by itself, for this very inode. */
static bool is_computed(const char *name)
{
	return str_eq(name, "security.ima") || str_eq(name, "security.evm");
}

static int value_read(struct arena *a, int fd, const char *name, char *buf, struct xattrs *x)
{
	ssize_t len = fgetxattr(fd, name, buf, XATTR_SIZE_MAX);
	XattrEntry *e;

	if (len < 0)
		return fail(errno, "read the extended attribute %s", name);
	e = arena_message(a, XattrEntry, XATTR_ENTRY__INIT);
	e->name = arena_strdup(a, name);
	e->value.len = (size_t)len;
	e->value.data = arena_dup(a, buf, (size_t)len);
	x->v[x->nr++] = e;
	return 0;
}

int xattrs_read(struct arena *a, int fd, struct xattrs *ret)
{
	ssize_t size = flistxattr(fd, NULL, 0);
	cleanup_free char *names = NULL, *buf = NULL;
	size_t max = 0;

	*ret = (struct xattrs){ 0 };
	if (size < 0 && errno == EOPNOTSUPP)
		return 0;
	if (size > 0) {
		names = mem_alloc(XATTR_LIST_MAX);
		size = flistxattr(fd, names, XATTR_LIST_MAX);
	}
	if (size < 0)
		return fail(errno, "list its extended attributes");
	if (!size)
		return 0;
	for (ssize_t i = 0; i < size; i++)
		max += !names[i];
	ret->v = arena_array(a, XattrEntry *, max);
	buf = mem_alloc(XATTR_SIZE_MAX);
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		int r = is_computed(name) ? 0 : value_read(a, fd, name, buf, ret);

		if (r < 0)
			return r;
	}
	return 0;
}

int xattrs_check(const struct xattrs *x)
{
	for (size_t i = 0; i < x->nr; i++) {
		const XattrEntry *e = x->v[i];

		if (strlen(e->name) > XATTR_NAME_MAX || !strchr(e->name, '.') ||
		    e->value.len > XATTR_SIZE_MAX)
			return fail_plain("an extended attribute of %zu bytes named %s",
					  e->value.len, e->name);
	}
	return 0;
}

int xattrs_begin(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(acls); i++)
		if (fremovexattr(fd, acls[i]) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
			return fail(errno, "remove %s", acls[i]);
	return 0;
}

int xattrs_set(int fd, const struct xattrs *x)
{
	for (size_t i = 0; i < x->nr; i++) {
		const XattrEntry *e = x->v[i];

		if (fsetxattr(fd, e->name, e->value.data, e->value.len, 0) < 0)
			return fail(errno, "set the extended attribute %s", e->name);
	}
	return 0;
}
