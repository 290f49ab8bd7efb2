// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WIRE_FIELDS_MAX 256 /* of a descriptor; the largest message has about 80 */

struct wire {
	const uint8_t *at, *end;
	const char *path[WIRE_DEPTH_MAX]; /* names of the fields that we are inside of */
	unsigned int depth;
	char *why;
	size_t why_size;
};

static bool message_check(struct wire *w, const ProtobufCMessageDescriptor *desc);

__attribute__((format(printf, 3, 4))) static bool bad(struct wire *w, const char *field,
						      const char *fmt, ...)
{
	size_t len = 0;
	va_list ap;

	for (unsigned int i = 0; i < w->depth && len < w->why_size; i++)
		len += (size_t)snprintf(w->why + len, w->why_size - len, "%s.", w->path[i]);
	if (len < w->why_size)
		len += (size_t)snprintf(w->why + len, w->why_size - len, "%s: ", field);
	if (len >= w->why_size)
		return false;
	va_start(ap, fmt);
	vsnprintf(w->why + len, w->why_size - len, fmt, ap);
	va_end(ap);
	return false;
}

static bool varint_get(struct wire *w, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		uint8_t byte = *w->at++;

		if (shift == 63 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* A length, and that many bytes behind it. */
static bool length_get(struct wire *w, size_t *ret)
{
	uint64_t len;

	if (!varint_get(w, &len) || len > (uint64_t)(w->end - w->at))
		return false;
	*ret = (size_t)len;
	return true;
}

static bool skip(struct wire *w, size_t size)
{
	if ((size_t)(w->end - w->at) < size)
		return false;
	w->at += size;
	return true;
}

static unsigned int wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return PROTOBUF_C_WIRE_TYPE_32BIT;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return PROTOBUF_C_WIRE_TYPE_64BIT;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	default:
		return PROTOBUF_C_WIRE_TYPE_VARINT;
	}
}

/* A negative int32 or enum is sign-extended to 64 bits. */
static bool fits_int32(uint64_t value)
{
	return value <= INT32_MAX || value >= (uint64_t)INT32_MIN;
}

static bool varint_check(struct wire *w, const ProtobufCFieldDescriptor *f)
{
	uint64_t value;

	if (!varint_get(w, &value))
		return bad(w, f->name, "a broken number");
	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		if (value > 1)
			return bad(w, f->name, "%" PRIu64 " is neither true nor false", value);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_SINT32:
		if (value > UINT32_MAX)
			return bad(w, f->name, "%" PRIu64 " does not fit in 32 bits", value);
		break;
	case PROTOBUF_C_TYPE_INT32:
		if (!fits_int32(value))
			return bad(w, f->name, "%" PRId64 " does not fit in 32 bits",
				   (int64_t)value);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		if (!fits_int32(value) ||
		    !protobuf_c_enum_descriptor_get_value(f->descriptor, (int32_t)value))
			return bad(w, f->name, "unknown value %" PRId64, (int64_t)value);
		break;
	default:
		break;
	}
	return true;
}

static bool number_check(struct wire *w, const ProtobufCFieldDescriptor *f)
{
	switch (wire_type_of(f->type)) {
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		return skip(w, 4) || bad(w, f->name, "cut off");
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		return skip(w, 8) || bad(w, f->name, "cut off");
	default:
		return varint_check(w, f);
	}
}

static bool inside_check(struct wire *w, const ProtobufCFieldDescriptor *f, size_t len)
{
	const uint8_t *end = w->end;

	if (w->depth == WIRE_DEPTH_MAX)
		return bad(w, f->name, "nested more than %d deep", WIRE_DEPTH_MAX);
	w->end = w->at + len;
	w->path[w->depth++] = f->name;
	if (!message_check(w, f->descriptor))
		return false;
	w->depth--;
	w->end = end;
	return true;
}

static bool packed_check(struct wire *w, const ProtobufCFieldDescriptor *f, size_t len)
{
	const uint8_t *end = w->end;

	w->end = w->at + len;
	while (w->at < w->end)
		if (!number_check(w, f))
			return false;
	w->end = end;
	return true;
}

static bool field_check(struct wire *w, const ProtobufCFieldDescriptor *f, unsigned int wire_type)
{
	unsigned int expected = wire_type_of(f->type);
	bool packed = wire_type != expected && f->label == PROTOBUF_C_LABEL_REPEATED &&
		      wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
	size_t len;

	if (wire_type != expected && !packed)
		return bad(w, f->name, "encoded as another type");
	if (wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return number_check(w, f);
	if (!length_get(w, &len))
		return bad(w, f->name, "longer than what is around it");
	if (packed)
		return packed_check(w, f, len);
	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return inside_check(w, f, len);
	if (f->type == PROTOBUF_C_TYPE_STRING && memchr(w->at, '\0', len))
		return bad(w, f->name, "a NUL inside a string");
	w->at += len;
	return true;
}

static bool unknown_skip(struct wire *w, unsigned int wire_type)
{
	uint64_t value;
	size_t len;

	switch (wire_type) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		return varint_get(w, &value);
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		return skip(w, 8);
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		return skip(w, 4);
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		return length_get(w, &len) && skip(w, len);
	default:
		return false;
	}
}

/* Fields mostly come in the order of the descriptor: try the one after the last. */
static const ProtobufCFieldDescriptor *field_find(const ProtobufCMessageDescriptor *desc,
						  uint32_t number, unsigned int *index)
{
	const ProtobufCFieldDescriptor *f;

	for (unsigned int i = *index; i < desc->n_fields && i < *index + 2; i++) {
		if (desc->fields[i].id == number) {
			*index = i;
			return &desc->fields[i];
		}
	}
	f = protobuf_c_message_descriptor_get_field(desc, number);
	if (f)
		*index = (unsigned int)(f - desc->fields);
	return f;
}

static bool required_check(struct wire *w, const ProtobufCMessageDescriptor *desc,
			   const uint64_t *seen)
{
	for (unsigned int i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[i];

		if (f->label == PROTOBUF_C_LABEL_REQUIRED && !(seen[i / 64] >> i % 64 & 1))
			return bad(w, f->name, "missing");
	}
	return true;
}

static bool message_check(struct wire *w, const ProtobufCMessageDescriptor *desc)
{
	uint64_t seen[WIRE_FIELDS_MAX / 64] = { 0 };
	unsigned int index = 0, unknown = 0;

	assert(desc->n_fields <= WIRE_FIELDS_MAX);
	while (w->at < w->end) {
		const ProtobufCFieldDescriptor *f;
		uint64_t tag;

		if (!varint_get(w, &tag) || tag > UINT32_MAX || !(tag >> 3))
			return bad(w, desc->short_name, "no field where one should begin");
		f = field_find(desc, (uint32_t)tag >> 3, &index);
		if (!f) {
			if (!unknown_skip(w, tag & 7) || ++unknown > WIRE_UNKNOWN_MAX)
				return bad(w, desc->short_name, "unknown field %" PRIu64, tag >> 3);
			continue;
		}
		if (f->label != PROTOBUF_C_LABEL_REPEATED && seen[index / 64] >> index % 64 & 1)
			return bad(w, f->name, "there twice");
		seen[index / 64] |= 1ull << index % 64;
		if (!field_check(w, f, tag & 7))
			return false;
	}
	return required_check(w, desc, seen);
}

bool wire_check(const ProtobufCMessageDescriptor *desc, const uint8_t *data, size_t size, char *why,
		size_t why_size)
{
	struct wire w = { .at = data, .end = data + size };

	w.why = why;
	w.why_size = why_size;
	return message_check(&w, desc);
}
