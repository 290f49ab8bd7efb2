# SPDX-License-Identifier: GPL-2.0-only
# How a blob is built: freestanding objects, one flat binary, checked by blob.lds.
# Instrumentation of the host (SAN=1) does not reach in here.

BLOB_CFLAGS := -std=gnu11 -O2 -g -I. -fPIE -fvisibility=hidden -ffreestanding \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
	-mno-red-zone -mgeneral-regs-only -fno-builtin $(WARN) -MMD -MP
BLOB_LIB := $(patsubst %,$(O)/%.blob.o,$(wildcard compel/blob/*.c compel/blob/*.S))

blob_objs = $(BLOB_LIB) $(patsubst %,$(O)/%.blob.o,$(wildcard criu/pie/$(1)/*.c))

$(O)/%.c.blob.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(BLOB_CFLAGS) -c -o $@ $<

$(O)/%.S.blob.o: %.S
	@mkdir -p $(@D)
	$(Q)$(CC) -I. -c -o $@ $<

define blob_rule
$(O)/criu/pie/$(1).elf: $(call blob_objs,$(1)) compel/blob/blob.lds
	@mkdir -p $$(@D)
	$$(Q)ld -pie --no-dynamic-linker -z text -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments \
		--build-id=none -T compel/blob/blob.lds -o $$@ $(call blob_objs,$(1))
-include $(patsubst %.o,%.d,$(call blob_objs,$(1)))
endef
$(foreach b,$(BLOBS),$(eval $(call blob_rule,$(b))))

$(O)/criu/pie/%.bin: $(O)/criu/pie/%.elf
	$(Q)objcopy -O binary $< $@
