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

# --- trees that have lived at random ------------------------------------------------------------
TREE_SRCS := $(wildcard test/tree/*.c)
MAKE_TREE := build/test/bin/make_tree

$(MAKE_TREE): $(TREE_SRCS) test/tree/tree.h $(wildcard test/zdtm/lib/*.[ch])
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)$(MAKE) -s -C test/zdtm lib/libzdtmtst.a
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Itest/zdtm/lib $(WARN) -O2 -g -pthread -o $@ \
		$(TREE_SRCS) test/zdtm/lib/libzdtmtst.a

# TREE_SEED: the first of twenty trees of a thousand processes each.
TREE_SEED ?= 1
.PHONY: trees
trees: $(PROGRAM) $(MAKE_TREE)
	$(Q)test/tree/run.py --no-build --crtool $(PROGRAM) --seed $(TREE_SEED) --rounds 20 --size 1000

# --- programs that test/errors, test/harm and test/bench start -----------------
# They are never sanitized: what is dumped is a plain process.
HELPER_BIN := build/test/bin
HELPER_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. $(WARN) -O2 -g -pthread
SCENE_SRCS := $(wildcard test/harness/prog/scene*.c) test/zdtm/lib/rights.c
HELPERS := $(addprefix $(HELPER_BIN)/,scene scene32 take tracer load floor writer peak relay sniff)

$(HELPER_BIN)/scene: $(SCENE_SRCS) test/harness/prog/scene.h test/zdtm/lib/rights.h
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(HELPER_CFLAGS) -o $@ $(SCENE_SRCS)

# Where there is no 32-bit C library the case that needs it is skipped.
$(HELPER_BIN)/scene32: $(SCENE_SRCS) test/harness/prog/scene.h test/zdtm/lib/rights.h
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)rm -f $@; echo 'int main(void) { return 0; }' >$(HELPER_BIN)/probe32.c; \
	if $(CC) -m32 -o $(HELPER_BIN)/probe32 $(HELPER_BIN)/probe32.c 2>/dev/null; then \
		$(CC) -m32 -msse2 $(HELPER_CFLAGS) -o $@ $(SCENE_SRCS); fi

$(HELPER_BIN)/%: test/harness/prog/%.c
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(HELPER_CFLAGS) -o $@ $<

$(HELPER_BIN)/%: test/bench/%.c
	$(say) HELPER $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(HELPER_CFLAGS) -o $@ $<

.PHONY: helpers
helpers: $(HELPERS)

.PHONY: errors
errors: $(PROGRAM) helpers
	$(Q)test/errors/run.py --no-build --crtool $(PROGRAM)

# Each kind of descriptor, held in each way.
.PHONY: fds
fds: $(PROGRAM) helpers
	$(Q)test/fds/run.py --no-build --crtool $(PROGRAM)

# Programs that people use; those that are not installed are skipped.
.PHONY: scenarios
scenarios: $(PROGRAM) helpers
	$(Q)test/scenarios/run.py --no-build --crtool $(PROGRAM)

# HARM_COUNT: moments at which crtool is killed, in each case.
HARM_COUNT ?= 50
.PHONY: harm
harm: $(PROGRAM) helpers
	$(Q)test/harm/faults.py --no-build --crtool $(PROGRAM)
	$(Q)test/harm/kill.py --no-build --crtool $(PROGRAM) -n $(HARM_COUNT)

# Two hosts with a cable between them: needs nft, iptables, ip.
.PHONY: netlock netlock-full
netlock: $(PROGRAM) helpers
	$(Q)test/netlock.py --no-build

# A GiB, kept away for ten seconds, five times; a quarter of an hour.
netlock-full: $(PROGRAM) helpers
	$(Q)test/netlock.py --no-build --full

# BENCH_PEER=/path/of/criu is measured in turn.
.PHONY: bench
bench: $(PROGRAM) helpers
	$(Q)test/bench/bench.py --no-build --crtool $(PROGRAM)
	$(Q)test/bench/live.py --no-build --crtool $(PROGRAM)

# --- fuzzers: each has a main of its own, and is linked with all but that of crtool ----------
FUZZ_SRCS := $(sort $(wildcard test/fuzz/*.c))
FUZZ_OBJS := $(FUZZ_SRCS:%.c=$(O)/%.o)
FUZZ_BINS := $(FUZZ_SRCS:%.c=$(O)/%)

$(FUZZ_BINS): %: %.o $(filter-out $(O)/criu/cmd/main.o,$(ALL_OBJS))
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(SANFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

.PHONY: fuzzers
fuzzers: $(FUZZ_BINS)

# They are always sanitized, whatever SAN says; what they mutate is made by the plain crtool.
FUZZ_TIMES ?= 1
.PHONY: fuzz
fuzz: $(PROGRAM) helpers
	$(Q)$(MAKE) -s SAN=1 fuzzers
	$(Q)test/fuzz/run.py --bin build/san/test/fuzz --crtool $(PROGRAM) --times $(FUZZ_TIMES)

# --- all: goes on after a failure, and fails then ----------------------------------------------
.PHONY: zdtm
zdtm: $(PROGRAM)
	$(Q)$(MAKE) -s -C test/zdtm
	$(Q)test/zdtm.py run -a --keep-going --parallel 2

.PHONY: test
test:
	$(Q)$(MAKE) -k unit zdtm errors harm HARM_COUNT=20

-include $(UNIT_OBJS:.o=.d) $(FUZZ_OBJS:.o=.d)
