/* SPDX-License-Identifier: GPL-2.0-only */
/* Embeds the blob named BLOB as BLOB_blob .. BLOB_blob_end. */
#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)

	.section .rodata
	.balign	16
	.globl	GLUE(BLOB, _blob), GLUE(BLOB, _blob_end)
GLUE(BLOB, _blob):
	.incbin	BLOB_FILE
GLUE(BLOB, _blob_end):
	.section .note.GNU-stack, "", @progbits
