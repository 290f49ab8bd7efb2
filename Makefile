# SPDX-License-Identifier: GPL-2.0-only
# `make` builds criu/crtool. `make help` lists the rest.

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX ?= /usr/local
MANDIR ?= $(PREFIX)/share/man
PYTHON ?= /usr/bin/python3

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
endif

# A sanitized build lives beside the plain one.
ifeq ($(SAN),1)
O := build/san
PROGRAM := build/san/crtool
SANFLAGS := -fsanitize=address,undefined -fno-omit-frame-pointer
else
O := build
PROGRAM := criu/crtool
endif

PKGS := libprotobuf-c libcap libnl-3.0
# Debian's libnet is not known to pkg-config.
missing := $(shell for p in $(PKGS); do pkg-config --exists $$p 2>/dev/null || echo $$p; done; \
	$(CC) -E -include libnet.h -x c /dev/null >/dev/null 2>&1 || echo libnet)
ifneq ($(missing),)
ifeq ($(filter clean help lint format,$(MAKECMDGOALS)),)
$(error missing: $(missing); on Debian 12: apt-get install pkg-config libprotobuf-c-dev \
	protobuf-c-compiler libcap-dev libnl-3-dev libnet1-dev)
endif
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lnet

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wimplicit-fallthrough -Wundef -Wwrite-strings
ifeq ($(WERROR),1)
WARN += -Werror
endif
ifeq ($(CI),true)
WARN += -Werror
endif

CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(O)/gen $(WARN) -fno-plt $(CFLAGS) $(SANFLAGS) $(PKG_CFLAGS) -MMD -MP
# What is mapped at a restore is there in each task that is forked, and taken apart again in each: so
# libraries are linked in where there is an archive of them.
archive = $(if $(filter /%,$(shell $(CC) -print-file-name=$(1:-l%=lib%.a))),-l:$(1:-l%=lib%.a),$(1))
LIBS := $(foreach l,$(PKG_LIBS),$(if $(filter -l%,$l),$(call archive,$l),$l)) -lpthread
# Symbols are bound at the start: bound lazily, each task of a restore would do it again.
ALL_LDFLAGS := -Wl,-z,relro,-z,now $(LDFLAGS)

# --- sources -----------------------------------------------------------------
BLOB_DIRS := compel/blob criu/pie
PROTOS := $(sort $(wildcard images/*.proto))
PB_C := $(PROTOS:%.proto=$(O)/gen/%.pb-c.c)
PB_OBJ := $(PB_C:.c=.o)
SRCS := $(sort $(wildcard compel/*.c compel/arch/x86/*.c images/*.c \
	$(foreach d,base kernel image core ns mnt net mem task files sock flow cmd,criu/$(d)/*.c)))
ASMS := $(sort $(wildcard compel/arch/x86/*.S criu/pie/*.S))
# What a task of a restore runs, from its birth to the restorer, lies together: it has to be given
# each piece of the program that it comes to (filemap_map_pages(), 64 KiB at a time).
TASK_SRCS := $(addprefix criu/,base/arena.c base/mem.c core/stage.c core/program.c core/restore.c \
	flow/restore_task.c $(addprefix task/,spawn.c forkshare.c program.c creds.c sched.c signals.c \
	timers.c attrs.c modes.c coresched.c autogroup.c seccomp.c) $(addprefix mem/,program.c fill.c \
	share_make.c vdso.c aio.c load.c mempolicy.c ldt.c pkey.c uring.c vma.c pagemap.c) \
	$(addprefix files/,load.c mapped.c reg.c ghost.c lock.c userfault.c uring.c uring_register.c) \
	image/dir.c image/chain.c image/reader.c) images/table.c
OBJS := $(patsubst %.c,$(O)/%.o,$(TASK_SRCS) $(filter-out $(TASK_SRCS),$(SRCS)))
BLOBS := parasite restorer
BLOB_OBJS := $(BLOBS:%=$(O)/criu/pie/%-blob.o)
ALL_OBJS := $(OBJS) $(PB_OBJ) $(BLOB_OBJS)

.PHONY: all
all: $(PROGRAM)

$(PROGRAM): $(ALL_OBJS)
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(O)/%.o: %.c | $(PB_C)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Both are made at once: else nobody would know yet that the header is newer than an object.
$(O)/gen/%.pb-c.c $(O)/gen/%.pb-c.h: %.proto
	$(say) PROTOC $<
	@mkdir -p $(O)/gen
	$(Q)protoc-c --c_out=$(O)/gen $<

$(O)/gen/%.o: $(O)/gen/%.c
	$(Q)$(CC) -std=gnu11 -I$(O)/gen $(CFLAGS) $(SANFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(PB_OBJ): $(PB_C)

include compel/blob/blob.mk

$(O)/criu/pie/%-blob.o: criu/pie/blob.S $(O)/criu/pie/%.bin
	$(say) BLOB $*
	$(Q)$(CC) -I$(O)/criu/pie -DBLOB=$* -DBLOB_FILE='"$*.bin"' -c -o $@ $<

# --- checks ------------------------------------------------------------------
include test/test.mk

.PHONY: lint
lint:
	$(Q)scripts/lint

.PHONY: format
format:
	$(Q)git diff --name-only --diff-filter=d HEAD -- '*.c' '*.h' | xargs -r clang-format -i

.PHONY: man
man: $(O)/crtool.8

$(O)/crtool.8: $(PROGRAM)
	$(Q)$(PROGRAM) --man > $@

.PHONY: install
install: $(PROGRAM) $(O)/crtool.8
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/sbin/crtool
	install -D -m 644 $(O)/crtool.8 $(DESTDIR)$(MANDIR)/man8/crtool.8
ifeq ($(CRIU_LINK),1)
	ln -sf crtool $(DESTDIR)$(PREFIX)/sbin/criu
endif

.PHONY: clean
clean:
	$(Q)rm -rf build criu/crtool test/unit/unit-tests test/fuzz/bin
	$(Q)$(MAKE) -s -C test/zdtm clean 2>/dev/null || true

.PHONY: help
help:
	@echo 'make              build criu/crtool (V=1 shows commands, SAN=1 sanitizers, WERROR=1)'
	@echo 'make test         unit tests and zdtm'
	@echo 'make lint         layers, slices, static analysis'
	@echo 'make bench        measure against the floors of this machine'
	@echo 'make fuzz         mutate images, /proc texts and options'
	@echo 'make format       clang-format what differs from HEAD'
	@echo 'make install      DESTDIR= PREFIX= ; CRIU_LINK=1 adds a link named criu'

-include $(OBJS:.o=.d) $(PB_OBJ:.o=.d)
