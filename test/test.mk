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

.PHONY: test
test: unit $(PROGRAM)
	$(Q)$(MAKE) -s -C test/zdtm
	$(Q)test/zdtm.py run -a --keep-going --parallel 2

-include $(UNIT_OBJS:.o=.d)
