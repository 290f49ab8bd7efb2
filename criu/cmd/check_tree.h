// SPDX-License-Identifier: GPL-2.0-only
/* `crtool check -t`: could this tree be dumped, and with which options? */
#pragma once
struct session;

/* Prints "Looks good.", or says all that stands in the way. */
int check_tree(struct session *s);
