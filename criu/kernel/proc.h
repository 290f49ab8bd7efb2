// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID: text in, struct out. Every reader is one open and one read to the end into
 * the caller's buffer, then a hand-written parser: this runs while the task is frozen.
 *
 * All functions are quiet: >= 0 or -errno. -ENOENT and -ESRCH mean that the task or the
 * thread is gone, or that the kernel has no such file; -EINVAL that the text is not what
 * proc(5) says. *ret is untouched on failure. dirfd is a directory of /proc/PID, tid 0
 * means the process's own file, else that of task/TID.
 */
#pragma once
#include "criu/kernel/proc_fd.h" // IWYU pragma: export
#include "criu/kernel/proc_file.h" // IWYU pragma: export
#include "criu/kernel/proc_mount.h" // IWYU pragma: export
#include "criu/kernel/proc_stat.h" // IWYU pragma: export
#include "criu/kernel/proc_task.h" // IWYU pragma: export
#include "criu/kernel/proc_vma.h" // IWYU pragma: export
