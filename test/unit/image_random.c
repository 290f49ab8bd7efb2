// SPDX-License-Identifier: GPL-2.0-only
#include "test/unit/image_random.h"

#include <stdlib.h>
#include <string.h>

#include "test/unit/test.h"

#define DEPTH_MAX 4

static ProtobufCMessage *fill(const ProtobufCMessageDescriptor *desc, unsigned int depth);

static void *zalloc(size_t size)
{
	void *p = calloc(1, size + !size);

	if (!p)
		abort();
	return p;
}

/* All sizes of numbers come up, and the edges. */
static uint64_t random_number(void)
{
	switch (test_random() % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ull << test_random() % 64;
	default:
		return test_random() >> test_random() % 64;
	}
}

static char *random_string(void)
{
	size_t len = test_random() % 40;
	char *s = zalloc(len + 1);

	for (size_t i = 0; i < len; i++)
		s[i] = (char)(1 + test_random() % 255);
	return s;
}

static ProtobufCBinaryData random_bytes(void)
{
	size_t len = test_random() % 16 ? test_random() % 40 : test_random() % 300000;
	ProtobufCBinaryData b = { len, len ? zalloc(len) : NULL };

	for (size_t i = 0; i < len; i++)
		b.data[i] = (uint8_t)test_random();
	return b;
}

static int random_enum(const ProtobufCEnumDescriptor *e)
{
	return e->values[test_random() % e->n_values].value;
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 8;
	}
}

static void fill_value(const ProtobufCFieldDescriptor *f, void *at, unsigned int depth)
{
	uint64_t number = random_number();

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)at = random_string();
		break;
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)at = random_bytes();
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)at = fill(f->descriptor, depth + 1);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		*(int *)at = random_enum(f->descriptor);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)at = (int)(number & 1);
		break;
	default:
		memcpy(at, &number, value_size(f->type));
		break;
	}
}

static void fill_repeated(const ProtobufCFieldDescriptor *f, uint8_t *m, unsigned int depth)
{
	size_t nr = test_random() % 5, size = value_size(f->type);
	uint8_t *array;

	if (depth >= DEPTH_MAX || !nr)
		return;
	array = zalloc(nr * size);
	for (size_t i = 0; i < nr; i++)
		fill_value(f, array + i * size, depth);
	memcpy(m + f->quantifier_offset, &nr, sizeof(nr));
	memcpy(m + f->offset, &array, sizeof(array));
}

static void fill_optional(const ProtobufCFieldDescriptor *f, uint8_t *m, unsigned int depth)
{
	protobuf_c_boolean has = 1;

	if (depth >= DEPTH_MAX || test_random() % 2)
		return;
	fill_value(f, m + f->offset, depth);
	if (f->quantifier_offset)
		memcpy(m + f->quantifier_offset, &has, sizeof(has));
}

static ProtobufCMessage *fill(const ProtobufCMessageDescriptor *desc, unsigned int depth)
{
	uint8_t *m = zalloc(desc->sizeof_message);

	protobuf_c_message_init(desc, m);
	for (unsigned int i = 0; i < desc->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &desc->fields[i];

		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			fill_repeated(f, m, depth);
		else if (f->label == PROTOBUF_C_LABEL_REQUIRED)
			fill_value(f, m + f->offset, depth);
		else
			fill_optional(f, m, depth);
	}
	return (ProtobufCMessage *)m;
}

ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *desc)
{
	return fill(desc, 0);
}
