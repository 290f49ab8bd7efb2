# SPDX-License-Identifier: GPL-2.0-only
# Tests, fuzzers and benchmarks.

UNIT_SRCS := $(sort $(wildcard test/unit/*.c))
UNIT_OBJS := $(UNIT_SRCS:%.c=$(O)/%.o)
UNIT := $(O)/test/unit/unit-tests

$(UNIT): $(UNIT_OBJS) $(filter-out $(O)/criu/cmd/main.o,$(ALL_OBJS))
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

.PHONY: unit
unit: $(UNIT)
	$(Q)$(UNIT)

# --- programs that test/errors, test/harm and test/bench start -----------------
# They are never sanitized: what is dumped is a plain process.
HELPER_BIN := build/test/bin
HELPER_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. $(WARN) -O2 -g -pthread
SCENE_SRCS := $(wildcard test/harness/prog/scene*.c)
HELPERS := $(addprefix $(HELPER_BIN)/,scene scene32 take tracer)

$(HELPER_BIN)/scene: $(SCENE_SRCS) test/harness/prog/scene.h
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(HELPER_CFLAGS) -o $@ $(SCENE_SRCS)

# Where there is no 32-bit C library the case that needs it is skipped.
$(HELPER_BIN)/scene32: $(SCENE_SRCS) test/harness/prog/scene.h
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)rm -f $@; echo 'int main(void) { return 0; }' >$(HELPER_BIN)/probe32.c; \
	if $(CC) -m32 -o $(HELPER_BIN)/probe32 $(HELPER_BIN)/probe32.c 2>/dev/null; then \
		$(CC) -m32 -msse2 $(HELPER_CFLAGS) -o $@ $(SCENE_SRCS); fi

$(HELPER_BIN)/%: test/harness/prog/%.c
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(HELPER_CFLAGS) -o $@ $<

.PHONY: helpers
helpers: $(HELPERS)

.PHONY: errors
errors: $(PROGRAM) helpers
	$(Q)test/errors/run.py --no-build

# --- all ------------------------------------------------------------------------
.PHONY: test
test: unit $(PROGRAM)
	$(Q)$(MAKE) -s -C test/zdtm
	$(Q)test/zdtm.py run -a --keep-going --parallel 2

-include $(UNIT_OBJS:.o=.d)

# --- benchmarks ---------------------------------------------------------------
$(O)/test/bench/load: test/bench/load.c
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARN) -o $@ $< -lpthread

.PHONY: bench
bench: $(PROGRAM) $(O)/test/bench/load
	$(Q)test/bench/bench.py
