# mitos: build the kernel, its user programs and the initramfs, and call tools/mitos for the rest.
#
# `make help` lists the targets. What is built lies under $(O) (default: build); a change of
# compiler or flags rebuilds what it concerns, because they are written to $(O)/flags and every
# object depends on that file. Variables worth setting:
#   CROSS_COMPILE=x86_64-elf-   prefix of the kernel's compiler (found by itself when there is one)
#   LLVM=1                      clang and ld.lld for the kernel
#   O=DIR  V=1  CI=true         build elsewhere; show the commands; warnings are errors
#   BUSYBOX=FILE                a static busybox, where Debian's cannot be downloaded
#   DEBUG=1                     a kernel for the debugger, not optimised
#   LOCKCHECK=1                 a kernel that checks its locks, in build/lockcheck
#   BENCH_LINUX=1               `make bench` downloads Debian's Linux and measures it, too
#   WHERE=OPERATION             `make bench` shows where its instructions go (`fork+exec+wait`)
#   FUZZ=20                     seconds for each fuzzer of `make fuzz`
#   SOAK=10                     minutes of `make soak`
#   ARGS="--mem 64M"            more options for `make run`;  T=PATTERN  only these tests
#   SMP=4  MEM=1G  FORK=eager   the machine of `make run`, `make gdb`, `make test` and `make soak`,
#                               where a test does not choose its own

O       ?= $(if $(filter 1,$(LOCKCHECK)),build/lockcheck,build)
BUSYBOX ?= build/busybox/bin/busybox
PYTHON  := $(firstword $(wildcard /usr/bin/python3) python3)
MITOS   := $(PYTHON) tools/mitos
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),:,printf '  %-7s %s\n' '$(1)' '$(2)')

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

ifneq ($(filter deps,$(MAKECMDGOALS)),)
# What deps installs decides what the rest of this file finds: install first, then read it again.
GOALS := $(filter-out deps,$(MAKECMDGOALS))
.PHONY: deps $(GOALS)
deps:
	@tools/deps
$(firstword $(GOALS)): deps
	@$(MAKE) --no-print-directory $(GOALS)
$(filter-out $(firstword $(GOALS)),$(GOALS)): $(firstword $(GOALS))
	@:
else

# --- the compiler -------------------------------------------------------------------------------

ifeq ($(origin CROSS_COMPILE),undefined)
CROSS_COMPILE := $(firstword \
	$(patsubst %gcc,%,$(wildcard $(CURDIR)/build/toolchain/bin/x86_64-elf-gcc)) \
	$(if $(shell command -v x86_64-elf-gcc),x86_64-elf-))
endif

ifeq ($(LLVM),1)
override CROSS_COMPILE :=
KCC     := clang --target=x86_64-unknown-none-elf
KLD     := ld.lld
else
KCC     := $(CROSS_COMPILE)gcc
KLD     := $(CROSS_COMPILE)ld
endif
NM      := $(CROSS_COMPILE)nm
MUSLCC  := musl-gcc

WARN    := -Wall -Wextra $(if $(filter true,$(CI)),-Werror)
# DEBUG=1 is the debugger's build: every variable in memory all its life, and macros known by name.
# -Og will not do. With it gcc 12 gives a register away after a variable's last use, so on the path
# of a fork GDB calls 97 variables <optimized out> where they are in scope (share_page's frame,
# fork_table's to, task_clone's tf); with -fno-inline, -fno-ipa-sra, -fno-tree-coalesce-vars and
# a dozen more of that kind they are 90 or more, still. With -O0 there are none: tests/test_gdb.py.
KOPT    := $(if $(filter 1,$(DEBUG)),-O0 -g3,-O2 -g)
KCFLAGS := -std=gnu17 $(KOPT) -ffreestanding -nostdlib -nostdinc \
	-isystem $(shell $(KCC) -print-file-name=include) -isystem $(O)/uapi -Ikernel \
	-mno-red-zone -mcmodel=kernel -fno-pic -fno-pie -mgeneral-regs-only \
	-fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-strict-aliasing -fno-common \
	-fno-asynchronous-unwind-tables -fcf-protection=none \
	-fstack-protector-strong -mstack-protector-guard=global \
	-DLOCKCHECK=$(if $(filter 1,$(LOCKCHECK)),1,0) \
	$(WARN) -Wframe-larger-than=1024 -Wvla -Wmissing-prototypes -Wstrict-prototypes
KASFLAGS := -f elf64 -g -F dwarf -w+error -Ikernel/
KLDFLAGS := -nostdlib -static -T linker.ld -z max-page-size=4096 --build-id=none -z noexecstack
UCFLAGS := -std=gnu17 -O2 -g -static $(WARN) -Iuser -idirafter $(O)/uapi

# --- what there is to build ---------------------------------------------------------------------

KERNEL_C   := $(wildcard kernel/*.c kernel/*/*.c)
ifneq ($(LOCKCHECK),1)
KERNEL_C   := $(filter-out %/lockcheck.c,$(KERNEL_C))
endif
KERNEL_ASM := $(wildcard boot/*.asm kernel/*.asm kernel/*/*.asm)
KERNEL_OBJ := $(KERNEL_ASM:%=$(O)/obj/%.o) $(KERNEL_C:%=$(O)/obj/%.o)

# A folder of user/ with a main.c is one program; every other file is a program of its own.
USER_DIRS  := $(patsubst %/main.c,%,$(wildcard user/*/main.c))
USER_FILES := $(filter-out $(addsuffix /%,$(USER_DIRS)),$(wildcard user/*.c user/*/*.c))
PROGRAMS   := $(addprefix $(O)/,$(USER_DIRS) $(USER_FILES:.c=))
GUEST_TESTS := $(patsubst %.c,$(O)/%,$(wildcard tests/guest/*.c))
BENCH      := $(O)/tests/bench/bench

.PHONY: all kernel initramfs guest-tests iso run gdb test soak throughput bench deps toolchain
.PHONY: sparse check fuzz lines format clean distclean help FORCE

all: kernel initramfs            ## the kernel and the initramfs (what `make` alone builds)
kernel: $(O)/kernel.elf          ## the kernel alone
initramfs: $(O)/initramfs.cpio   ## the user programs and the archive they boot from
guest-tests: $(GUEST_TESTS)      ## the test programs that run on Linux and on mitos
iso: $(O)/mitos.iso              ## a CD image that boots through GRUB

# --- the kernel ---------------------------------------------------------------------------------

$(O)/flags: FORCE
	@mkdir -p $(@D)
	@{ $(KCC) --version | sed 1q; echo '$(KCC) $(KCFLAGS)'; echo '$(KLD) $(KLDFLAGS)'; \
	   echo 'nasm $(KASFLAGS)'; echo '$(MUSLCC) $(UCFLAGS)'; } >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# The Linux UAPI headers and two of libbsd's, and no header of any libc.
$(O)/uapi/stamp: tools/uapi
	@$(call say,UAPI,$(@D))
	$(Q)tools/uapi $(@D)

$(O)/obj/%.c.o: %.c $(O)/flags $(O)/uapi/stamp
	@mkdir -p $(@D); $(call say,CC,$<)
	$(Q)$(KCC) $(KCFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/%.asm.o: %.asm $(O)/flags
	@mkdir -p $(@D); $(call say,ASM,$<)
	$(Q)nasm $(KASFLAGS) -MD $(@:.o=.d) -MP -o $@ $<

# The kernel carries its own symbol table, so it is linked twice: with an empty table to learn the
# addresses, then with the real one, which lies after .data and therefore moves no text.
$(O)/ksyms0.asm: tools/ksyms.awk
	@mkdir -p $(@D) && awk -f $< /dev/null >$@
$(O)/ksyms.asm: $(O)/kernel0.elf tools/ksyms.awk
	@$(NM) -n $< | awk -f tools/ksyms.awk >$@
$(O)/ksyms0.o $(O)/ksyms.o: %.o: %.asm
	@nasm $(KASFLAGS) -o $@ $<

$(O)/kernel0.elf: $(KERNEL_OBJ) $(O)/ksyms0.o linker.ld
	$(Q)$(KLD) $(KLDFLAGS) -o $@ $(KERNEL_OBJ) $(O)/ksyms0.o

$(O)/kernel.elf: $(KERNEL_OBJ) $(O)/ksyms.o linker.ld
	@$(call say,LD,$@)
	$(Q)$(KLD) $(KLDFLAGS) -o $@ $(KERNEL_OBJ) $(O)/ksyms.o
	@$(NM) -n $@ | awk -f tools/ksyms.awk | cmp -s - $(O)/ksyms.asm || \
		{ echo '$@: the symbol table moved the text it describes' >&2; exit 1; }

# --- user programs and tests, static against musl -----------------------------------------------

$(O)/user-obj/%.o: %.c $(O)/flags $(O)/uapi/stamp
	@mkdir -p $(@D); $(call say,MUSL,$<)
	$(Q)$(MUSLCC) $(UCFLAGS) -MMD -MP -c -o $@ $<

define program
$(O)/$(1): $(patsubst %.c,$(O)/user-obj/%.o,$(2))
	@mkdir -p $$(@D)
	$$(Q)$$(MUSLCC) -static -o $$@ $$^
endef
$(foreach d,$(USER_DIRS),$(eval $(call program,$(d),$(wildcard $(d)/*.c))))
$(foreach f,$(USER_FILES),$(eval $(call program,$(f:.c=),$(f))))

# Where no other program is, so that an address in a log tells whose it is (mitoslib/where.py).
$(BENCH): private UCFLAGS += -Wl,-Ttext-segment=0x10000000

$(O)/tests/%: tests/%.c $(O)/flags $(O)/uapi/stamp
	@mkdir -p $(@D); $(call say,MUSL,$<)
	$(Q)$(MUSLCC) $(UCFLAGS) -MMD -MP -MF $@.d -o $@ $<

build/busybox/bin/busybox: tools/busybox
	@$(call say,FETCH,$@)
	$(Q)tools/busybox build/busybox

# The tree is made anew each time, so that a program that was deleted does not live on in it.
# busybox goes in as it came, with a link for each applet whose name none of our programs has.
$(O)/initramfs.cpio: $(PROGRAMS) $(O)/programs $(BUSYBOX) user/busybox-init \
		$(wildcard user/etc/* tools/mitoslib/*.py)
	@$(call say,CPIO,$@)
	$(Q)rm -rf $(O)/root && mkdir -p $(O)/root/bin $(O)/root/sbin $(O)/root/etc
	$(Q)cp $(filter-out %/init,$(PROGRAMS)) $(O)/root/bin && strip $(O)/root/bin/*
	$(Q)strip -o $(O)/root/sbin/init $(filter %/init,$(PROGRAMS))
	$(Q)install -m 755 $(BUSYBOX) $(O)/root/bin/busybox
	$(Q)install -m 755 user/busybox-init $(O)/root/bin
	$(Q)for applet in $$($(O)/root/bin/busybox --list | grep -vx init); do \
		[ -e $(O)/root/bin/$$applet ] || ln -s busybox $(O)/root/bin/$$applet || exit; \
	done
	$(Q)$(if $(wildcard user/etc/*),cp -R user/etc/. $(O)/root/etc)
	$(Q)$(MITOS) initramfs -o $@ $(O)/root

$(O)/programs: FORCE
	@mkdir -p $(@D); echo '$(PROGRAMS)' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(O)/mitos.iso: $(O)/kernel.elf $(O)/initramfs.cpio boot/grub.cfg $(wildcard tools/mitoslib/*.py)
	@$(call say,ISO,$@)
	$(Q)$(MITOS) iso --build $(O) -o $@

# --- the other doors ----------------------------------------------------------------------------

MACHINE = $(if $(SMP),--smp $(SMP)) $(if $(MEM),--mem $(MEM)) $(if $(FORK),--append fork=$(FORK))

run: all                         ## boot to a shell on this terminal (Ctrl-A x leaves)
	@$(MITOS) run --build $(O) $(MACHINE) $(ARGS)

gdb:                             ## boot a build for the debugger, with gdb in this terminal
	@$(MAKE) --no-print-directory all O=$(O)/debug DEBUG=1
	@$(MITOS) gdb --build $(O)/debug $(MACHINE) $(ARGS)

test: all iso guest-tests $(BENCH) ## every test; the last line is `N passed, N failed`
	@$(MITOS) test --build $(O) $(if $(SMP),--smp $(SMP)) $(if $(MEM),--mem $(MEM)) \
		$(if $(FORK),--fork $(FORK)) $(if $(T),-k '$(T)')

# Each round has a new seed, which is printed if the round fails.
soak: all guest-tests            ## random memory operations for SOAK minutes, in every fork mode
	@MITOS_BUILD=$(abspath $(O)) MITOS_SMP=$(SMP) MITOS_MEM=$(MEM) $(PYTHON) tests/soak.py $(SOAK)
SOAK ?= 10

throughput: all guest-tests      ## how much faster two processors (SMP=4: four) are than one
	@MITOS_BUILD=$(abspath $(O)) $(PYTHON) tests/throughput.py 5 100 3000 $(or $(SMP),2)

bench: all $(BENCH)             ## what a process's life costs in instructions, beside Linux
	@$(MITOS) bench --build $(O) $(if $(filter 1,$(BENCH_LINUX)),--on linux) \
		$(if $(WHERE),--where '$(WHERE)')

deps:                            ## install what is missing with apt (`make deps run`: then run)
	@tools/deps

toolchain:                       ## build gcc for x86_64-elf into build/toolchain (15 minutes)
	@tools/toolchain

sparse: $(O)/uapi/stamp          ## check the kernel's use of user pointers
	$(Q)sparse -Wsparse-error -Wno-declaration-after-statement $(KCFLAGS) $(KERNEL_C)

check: kernel sparse             ## the quick checks: sparse and the rules of the house
	@MITOS_BUILD=$(abspath $(O)) $(PYTHON) -m pytest -q -p no:cacheprovider tests/test_floors.py

# Each fuzzer begins with a real file, and keeps in its corpus what it found interesting. What makes
# it fail is left in $(O)/fuzz. `tools/deps fuzz` installs libFuzzer.
fuzz: $(O)/fuzz/elf.run $(O)/fuzz/cpio.run $(O)/fuzz/shell.run ## libFuzzer on the parsers, FUZZ=SECONDS each (20)
FUZZ ?= 20
$(O)/fuzz/elf: kernel/proc/elf.c
$(O)/fuzz/elf.run: SEEDS = $(O)/user/demo/forktwice
$(O)/fuzz/cpio: kernel/fs/cpio.c
$(O)/fuzz/cpio.run: SEEDS = $(O)/fuzz/small.cpio
$(O)/fuzz/shell: $(patsubst %,user/sh/%.c,lexer word dollar heredoc parser compound show names memory)
$(O)/fuzz/shell.run: SEEDS = tests/shell-scripts/errexit tests/shell-scripts/redirection

$(O)/fuzz/%: tests/host/fuzz_%.c
	@mkdir -p $(@D); $(call say,FUZZ,$<)
	$(Q)clang -std=gnu17 -O1 -g $(WARN) -Ikernel -Iuser/sh -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $^

$(O)/fuzz/small.cpio: $(O)/initramfs.cpio
	$(Q)mkdir -p $(@D) && $(MITOS) initramfs -o $@ $(O)/root/etc

$(O)/fuzz/%.run: $(O)/fuzz/% $(O)/initramfs.cpio $(O)/fuzz/small.cpio FORCE
	$(Q)mkdir -p $(@D)/$*.corpus && cp $(SEEDS) $(@D)/$*.corpus
	$(Q)cd $(@D) && ./$* -max_total_time=$(FUZZ) -timeout=10 -max_len=65536 \
		-verbosity=0 -print_final_stats=1 $*.corpus

lines:                           ## how much there is to read, room by room
	@for room in kernel/*/; do \
		printf '%6d  %s\n' $$(cat $$room*.[ch] $$room*.asm 2>/dev/null | wc -l) $$room; \
	done; printf '%6d  kernel/ and boot/\n' $$(cat kernel/*.c kernel/*/*.* boot/*.asm | wc -l)

format:                          ## clang-format over every C file
	clang-format -i $(wildcard $(foreach d,kernel kernel/* user user/* tests/*,$(d)/*.[ch]))

clean:                           ## remove what was built, but keep what took long to get
	@rm -rf $(filter-out $(O)/toolchain% $(O)/linux% $(O)/busybox,$(wildcard $(O)/*))

distclean:                       ## remove build/ altogether
	@rm -rf $(O)

help:                            ## this list
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@sed -n 's/^#   \(.*\)/  \1/p' Makefile

-include $(KERNEL_OBJ:.o=.d) $(patsubst %.c,$(O)/user-obj/%.d,$(wildcard user/*.c user/*/*.c)) \
	$(GUEST_TESTS:=.d) $(BENCH).d
endif
