// SPDX-License-Identifier: GPL-2.0-only
/* Checks the bytes of a record against its descriptor, before protobuf-c sees them. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_DEPTH_MAX   100 /* messages inside messages; what Google's readers allow, too */
#define WIRE_UNKNOWN_MAX 64 /* fields of one message that its descriptor does not have */

/*
 * protobuf-c alone recurses as deep as the input says, takes any number for an enum, merges
 * fields that stand twice, cuts strings at a NUL, and does not say what it did not like.
 *
 * Quiet: false, and in `why` the field and what is wrong with it.
 */
bool wire_check(const ProtobufCMessageDescriptor *desc, const uint8_t *data, size_t size, char *why,
		size_t why_size);
