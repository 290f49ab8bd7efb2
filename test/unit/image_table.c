// SPDX-License-Identifier: GPL-2.0-only
/* images/table.c, and the .proto files against the tables in test/images/format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "images/table.h"
#include "test/unit/test.h"

#define FORMAT_DIR   "test/images/format/"
#define MESSAGES_MAX 256

TEST(image_table_is_complete)
{
	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++) {
		const struct image_type *t = &image_types[kind];

		test_note("kind %u (%s)", kind, t->name);
		if (!CHECK(t->name && t->prefix && t->suffix))
			continue;
		CHECK((t->framing == IMAGE_FRAMING_RAW) == !t->first);
		CHECK((t->framing == IMAGE_FRAMING_RAW) == !t->magic);
		CHECK(!t->multiple || t->first == t->next);
	}
}

TEST(image_names_come_back)
{
	static const uint64_t ids[] = { 0, 1, 10, 0xabcdef, UINT32_MAX, UINT64_MAX };
	char name[IMAGE_NAME_MAX];

	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++) {
		for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
			uint64_t id = image_types[kind].id == IMAGE_ID_NONE ? 0 : ids[i], found_id;
			enum image_kind found;

			test_note("%s", image_file_name(kind, ids[i], name));
			CHECK(strlen(name) < IMAGE_NAME_MAX - 1);
			if (!CHECK(image_name_parse(name, &found, &found_id)))
				continue;
			CHECK_INT_EQ(found, kind);
			CHECK(found_id == id);
		}
	}
}

TEST(image_names_are_as_criu_has_them)
{
	char name[IMAGE_NAME_MAX];

	CHECK_STR_EQ(image_file_name(IMAGE_INVENTORY, 7, name), "inventory.img");
	CHECK_STR_EQ(image_file_name(IMAGE_CORE, 12, name), "core-12.img");
	CHECK_STR_EQ(image_file_name(IMAGE_GHOST_FILE, 0x1f, name), "ghost-file-1f.img");
	CHECK_STR_EQ(image_file_name(IMAGE_TMPFS_DEV, 3, name), "tmpfs-dev-3.tar.gz.img");
	CHECK_STR_EQ(image_file_name(IMAGE_STATS_DUMP, 0, name), "stats-dump");
}

TEST(image_names_of_others_are_not_known)
{
	static const char *const others[] = {
		"",
		"core",
		"core-.img",
		"core-01.img",
		"core-1.img~",
		"core--1.img",
		"core-1f.img",
		"core-+1.img",
		"Core-1.img",
		"ghost-file-A.img",
		"pages-.img",
		"pages-18446744073709551616.img",
		"parent",
		"dump.log",
		"stats-dump",
		"irmap-cache",
		".crtool-new",
		"descriptors.json",
		"inventory.img ",
		"inventory",
		"core-1.IMG",
		"pagemap-shmem.img",
	};

	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		test_note("\"%s\"", others[i]);
		CHECK(!image_name_known(others[i]));
	}
	CHECK(image_name_known("core-1.img"));
	CHECK(image_name_known("pages-18446744073709551615.img"));
}

TEST(image_magic_has_a_name)
{
	CHECK_STR_EQ(image_magic_name(0x55053847), "CORE");
	CHECK_STR_EQ(image_magic_name(0x57093306), "STATS");
	CHECK(!image_magic_name(0));
	CHECK(!image_magic_name(IMAGE_MAGIC_COMMON));
}

/* --- the tables ---------------------------------------------------------------------------- */

static const ProtobufCMessageDescriptor *messages[MESSAGES_MAX];
static unsigned int nr_messages;

static void message_add(const ProtobufCMessageDescriptor *m)
{
	for (unsigned int i = 0; i < nr_messages; i++)
		if (messages[i] == m)
			return;
	if (!m || !CHECK(nr_messages < MESSAGES_MAX))
		return;
	messages[nr_messages++] = m;
	for (unsigned int i = 0; i < m->n_fields; i++)
		if (m->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			message_add(m->fields[i].descriptor);
}

static const ProtobufCMessageDescriptor *message_find(const char *name)
{
	for (unsigned int i = 0; i < nr_messages; i++)
		if (!strcmp(messages[i]->name, name))
			return messages[i];
	return NULL;
}

static const char *type_name(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
		return "int32";
	case PROTOBUF_C_TYPE_SINT32:
		return "sint32";
	case PROTOBUF_C_TYPE_INT64:
		return "int64";
	case PROTOBUF_C_TYPE_SINT64:
		return "sint64";
	case PROTOBUF_C_TYPE_UINT32:
		return "uint32";
	case PROTOBUF_C_TYPE_UINT64:
		return "uint64";
	case PROTOBUF_C_TYPE_FIXED64:
		return "fixed64";
	case PROTOBUF_C_TYPE_BOOL:
		return "bool";
	case PROTOBUF_C_TYPE_STRING:
		return "string";
	case PROTOBUF_C_TYPE_BYTES:
		return "bytes";
	case PROTOBUF_C_TYPE_ENUM:
		return ((const ProtobufCEnumDescriptor *)f->descriptor)->name;
	case PROTOBUF_C_TYPE_MESSAGE:
		return ((const ProtobufCMessageDescriptor *)f->descriptor)->name;
	default:
		return "none";
	}
}

static const char *label_name(const ProtobufCFieldDescriptor *f)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return "repeated";
	return f->label == PROTOBUF_C_LABEL_REQUIRED ? "required" : "optional";
}

/* Splits a line at its tabs; missing cells are empty. */
static void cells_split(char *line, char *cells[], unsigned int nr)
{
	char *rest = line;

	line[strcspn(line, "\n")] = '\0';
	for (unsigned int i = 0; i < nr; i++)
		cells[i] = rest ? strsep(&rest, "\t") : line + strlen(line);
}

static FILE *table_open(const char *name)
{
	char path[128], line[512];
	FILE *f;

	snprintf(path, sizeof(path), FORMAT_DIR "%s", name);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		test_skip("no %s here; run from the root of the source", path);
	return f;
}

/* The messages that an image can hold, and those inside of them. */
static void messages_collect(void)
{
	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++) {
		message_add(image_types[kind].first);
		message_add(image_types[kind].next);
		message_add(image_types[kind].inner);
	}
}

/* Compares with the rows of a table; returns how many fields are the same. */
static unsigned int fields_check(const char *table)
{
	char line[512], *c[8];
	unsigned int nr = 0;
	FILE *f = table_open(table);

	while (fgets(line, sizeof(line), f)) {
		const ProtobufCMessageDescriptor *m;
		const ProtobufCFieldDescriptor *field;

		cells_split(line, c, 8);
		m = message_find(c[1]);
		/* Of the processors, only x86 is there. */
		if (!m ||
		    (!strncmp(c[4], "thread_info_", 12) && strcmp(c[4], "thread_info_x86") != 0))
			continue;
		test_note("%s.%s", c[1], c[5]);
		field = protobuf_c_message_descriptor_get_field(m, (unsigned int)atoi(c[2]));
		if (!CHECK(field))
			continue;
		CHECK_STR_EQ(field->name, c[5]);
		CHECK_STR_EQ(label_name(field), c[3]);
		CHECK_STR_EQ(type_name(field), c[4]);
		nr++;
	}
	test_note(NULL);
	fclose(f);
	return nr;
}

TEST(image_fields_are_those_of_the_tables)
{
	unsigned int nr = 0;

	messages_collect();
	for (unsigned int i = 0; i < nr_messages; i++)
		nr += messages[i]->n_fields;
	/* A field of ours must be in extensions.tsv, where decode.py looks for it. */
	CHECK_INT_EQ(fields_check("messages.tsv") + fields_check("extensions.tsv"), nr);
}

static const struct image_type *type_find(const char *name, const char *file)
{
	char pattern[64];

	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++) {
		const struct image_type *t = &image_types[kind];
		static const char *const ids[] = { "", "%u", "%x" };

		snprintf(pattern, sizeof(pattern), "%s%s%s", t->prefix, ids[t->id], t->suffix);
		if (!strcmp(t->name, name) && (!file || !strcmp(pattern, file)))
			return t;
	}
	return NULL;
}

TEST(image_kinds_are_those_of_the_tables)
{
	char line[512], *c[4];
	FILE *f = table_open("files.tsv");

	while (fgets(line, sizeof(line), f)) {
		const struct image_type *t;
		size_t len;
		char *lu;

		cells_split(line, c, 4);
		test_note("%s", c[0]);
		lu = strstr(c[1], "%lu");
		if (lu)
			memmove(lu + 1, lu + 2, strlen(lu + 2) + 1);
		t = type_find(c[0], strchr(c[1], ',') ? NULL : c[1]);
		if (!CHECK(t))
			continue;
		CHECK_INT_EQ(t->magic, strtoul(c[2], NULL, 16));
		if (!t->first)
			continue;
		len = strspn(c[3], "("); /* the contents begin with the first message */
		CHECK(!strncmp(c[3] + len, t->first->name, strlen(t->first->name)));
		CHECK_INT_EQ(t->multiple, !strstr(c[3], " x1"));
	}
	fclose(f);
}
