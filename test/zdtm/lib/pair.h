// SPDX-License-Identifier: GPL-2.0-only
/* A number that each thread has for itself, and that differs between two of them. */
#pragma once

/*
 * The whole of a test: another thread and the main one set their numbers, and check them after
 * the restore; check() ends the process where it is another. Returns what main() returns.
 */
int test_pair(int argc, char **argv, void (*set)(int value),
	      void (*check)(const char *who, int value), int thread_value, int main_value);
