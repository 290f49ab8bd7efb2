// SPDX-License-Identifier: GPL-2.0-only
/* A file of /proc/PID, read whole into a buffer that is used again for the next one. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/* Zero-initialise; one serves for any number of reads. data is NUL-terminated after a read. */
struct proc_buf {
	char *data;
	size_t len, cap;
};

void proc_buf_done(struct proc_buf *b);

#define cleanup_proc_buf __attribute__((cleanup(proc_buf_done)))

/* No file of /proc that we read is larger: -EFBIG. */
#define PROC_FILE_MAX (1ul << 30)

/* The directory of a process, O_PATH: fd, or -errno. */
int proc_open(pid_t pid);
/* The same in a /proc mount that the caller holds open (another pid namespace's, say). */
int proc_open_at(int procfd, pid_t pid);

/* The whole file. 0; b->len is its length. The buffer is undefined on failure. */
int proc_read(int dirfd, const char *path, struct proc_buf *b);
/* The same of a file that the kernel writes in one piece (single_open(): fdinfo): what a read that
 * has room for more does not return, there is not. */
int proc_read_single(int dirfd, const char *path, struct proc_buf *b);
/* /proc/TID/name of any thread, in one go. */
int proc_read_of(pid_t tid, const char *name, struct proc_buf *b);
/* task/TID/name, or name itself when tid is 0. */
int proc_read_tid(int dirfd, pid_t tid, const char *name, struct proc_buf *b);

/*
 * The file in pieces that end at a newline (the last one perhaps not), for files that grow
 * with the task: text is valid during the call. Ends at the first negative value of fn.
 * len never is 0. b holds one piece and is used as in proc_read.
 */
typedef int proc_line_fn(void *arg, const char *text, size_t len);
int proc_stream(int dirfd, const char *path, struct proc_buf *b, proc_line_fn *fn, void *arg);

/* Puts "task/TID/name", or name when tid is 0, into buf. The length, or -ENAMETOOLONG. */
int proc_path(char *buf, size_t size, pid_t tid, const char *name);

/* readlink with a NUL: the length, or -errno; -ENAMETOOLONG when it does not fit. */
int proc_link(int dirfd, const char *path, char *buf, size_t size);
