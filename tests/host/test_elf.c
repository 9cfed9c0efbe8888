/*
 * kernel/proc/elf.c: a table of headers that are right and wrong in one way each, this very
 * program, and random headers, of which none may lead to an image outside user addresses.
 */
#include "proc/elf.h"
#include "unit.h"

#include <errno.h>

#define PAGE 4096ull
#define LIMIT 0x7ffffffff000ull

/* A static program of two segments, text and data with bss, as the linker makes them. */
struct program {
	struct elf64_hdr header;
	struct elf64_phdr segments[3];
};

static struct program good_program(void)
{
	struct program p = {
		.header = {
			.e_ident = ELFMAG,
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_entry = 0x401000,
			.e_phoff = sizeof(struct elf64_hdr),
			.e_phentsize = sizeof(struct elf64_phdr),
			.e_phnum = 3,
		},
		.segments = {
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000,
			  .p_filesz = 0x1800, .p_memsz = 0x1800, .p_align = PAGE },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = 0x402800,
			  .p_offset = 0x1800, .p_filesz = 0x100, .p_memsz = 0x2000,
			  .p_align = PAGE },
			{ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W },
		},
	};

	p.header.e_ident[EI_CLASS] = ELFCLASS64;
	p.header.e_ident[EI_DATA] = ELFDATA2LSB;
	p.header.e_ident[EI_VERSION] = EV_CURRENT;
	return p;
}

/* Reads both parts as the kernel does; the program headers are where header_count says. */
static int read_program(const struct program *p, struct elf_layout *layout, struct elf_image *image)
{
	int error = elf_read_header(p, sizeof(*p), layout);

	if (error)
		return error;
	CHECK(layout->header_count <= 3);
	return elf_read_segments(p->segments, layout, LIMIT, image);
}

CASE(a_static_program)
{
	struct program p = good_program();
	struct elf_layout layout;
	struct elf_image image;

	CHECK_EQ(read_program(&p, &layout, &image), 0);
	CHECK_EQ(layout.entry, 0x401000);
	CHECK_EQ(layout.headers_offset, sizeof(struct elf64_hdr));
	CHECK_EQ(layout.header_count, 3);
	CHECK(!layout.relocatable);
	CHECK_EQ(image.low, 0x400000);
	CHECK_EQ(image.high, 0x405000);
	CHECK_EQ(image.headers_address, 0x400000 + sizeof(struct elf64_hdr));
	CHECK_EQ(image.code_start, 0x400000);
	CHECK_EQ(image.code_end, 0x401800);
	CHECK_EQ(image.data_end, 0x402900);
	CHECK_EQ(image.alignment, PAGE);
	CHECK(!image.executable_stack && !image.interpreter);
}

CASE(what_the_other_headers_say)
{
	struct program p = good_program();
	struct elf_layout layout;
	struct elf_image image;

	p.header.e_type = ET_DYN;
	p.segments[0].p_align = 0x200000;
	p.segments[2].p_flags |= PF_X;
	CHECK_EQ(read_program(&p, &layout, &image), 0);
	CHECK(layout.relocatable && image.executable_stack);
	CHECK_EQ(image.alignment, 0x200000);
	p.segments[2] = (struct elf64_phdr){ .p_type = PT_INTERP, .p_filesz = 20 };
	CHECK_EQ(read_program(&p, &layout, &image), 0);
	CHECK(image.interpreter == &p.segments[2]);
}

/* ---- one thing wrong at a time -------------------------------------------------------------- */

/* A field of the program and a value with which it must be refused. */
struct fault {
	const char *name;
	size_t offset, size;
	u64 value;
};

#define FAULT(field, value)                                                                        \
	{                                                                                          \
#field, offsetof(struct program, field), sizeof(((struct program *)0)->field),     \
			value                                                                      \
	}

static const struct fault faults[] = {
	FAULT(header.e_ident[0], 0),
	FAULT(header.e_ident[EI_CLASS], ELFCLASS32),
	FAULT(header.e_ident[EI_DATA], ELFDATA2MSB),
	FAULT(header.e_machine, EM_386),
	FAULT(header.e_type, ET_REL),
	FAULT(header.e_type, ET_CORE),
	FAULT(header.e_phentsize, sizeof(struct elf32_phdr)),
	FAULT(header.e_phnum, 0),
	FAULT(header.e_phnum, 0xffff),
	FAULT(segments[0].p_memsz, 1),
	FAULT(segments[0].p_vaddr, 0xffffffff80000000),
	FAULT(segments[0].p_vaddr, LIMIT - PAGE),
	FAULT(segments[0].p_offset, ~0ull - PAGE + 1),
	FAULT(segments[0].p_offset, 8),
	FAULT(segments[1].p_memsz, ~0ull),
	FAULT(segments[1].p_memsz, ~0ull - 0x402800 + 2),
	FAULT(segments[2].p_type, PT_INTERP),
};

CASE(one_fault_and_it_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct program p = good_program();
		struct elf_layout layout;
		struct elf_image image;

		memcpy((char *)&p + faults[i].offset, &faults[i].value, faults[i].size);
		int result = read_program(&p, &layout, &image);
		if (result != -ENOEXEC && result != -ENOMEM)
			FAIL("%s = %lx gives %d", faults[i].name, faults[i].value, result);
	}
}

CASE(nothing_to_load)
{
	struct program p = good_program();
	struct elf_layout layout;
	struct elf_image image;

	p.segments[0].p_type = p.segments[1].p_type = PT_NULL;
	CHECK_EQ(read_program(&p, &layout, &image), -ENOEXEC);
}

CASE(a_header_that_is_cut_off)
{
	struct program p = good_program();

	for (size_t size = 0; size < sizeof(p.header); size++) {
		struct elf_layout layout;
		void *copy = exact_copy(&p, size);

		CHECK_EQ(elf_read_header(copy, size, &layout), -ENOEXEC);
		free(copy);
	}
}

/* ---- real and random programs --------------------------------------------------------------- */

CASE(this_program)
{
	static char bytes[64 << 10];
	struct elf_layout layout;
	struct elf_image image;
	FILE *file = fopen("/proc/self/exe", "rb");
	size_t size = fread(bytes, 1, sizeof(bytes), file);

	fclose(file);
	CHECK_EQ(elf_read_header(bytes, size, &layout), 0);
	CHECK_EQ(elf_read_segments((void *)(bytes + layout.headers_offset), &layout, LIMIT, &image),
		 0);
	CHECK(image.low <= layout.entry && layout.entry < image.code_end);
	CHECK(image.headers_address >= image.low && image.headers_address < image.high);
}

static bool within(u64 low, u64 value, u64 high)
{
	return low <= value && value <= high;
}

static void check_image(const struct program *p, const struct elf_image *image)
{
	CHECK(image->low < image->high && image->high <= LIMIT);
	CHECK_EQ(image->low % PAGE | image->high % PAGE, 0);
	CHECK(image->alignment >= PAGE && (image->alignment & (image->alignment - 1)) == 0);
	CHECK(!image->headers_address || within(image->low, image->headers_address, image->high));
	CHECK(image->code_start <= image->code_end && image->code_end <= image->high);
	CHECK(within(image->low, image->data_start, image->high));
	CHECK(within(image->low, image->data_end, image->high));
	CHECK(!image->interpreter ||
	      (image->interpreter >= p->segments && image->interpreter < p->segments + 3));
}

/* A number near one of those where sums wrap and checks change their minds. */
static u64 edge_number(void)
{
	static const u64 edges[] = { 0,		 PAGE,	     0x400000,	LIMIT,
				     1ull << 47, 1ull << 63, INT64_MAX, ~0ull };

	return edges[random_below(8)] + random_below(3) * (PAGE - 1) - random_below(2) * PAGE;
}

CASE(random_headers)
{
	int accepted = 0;

	for (int round = 0; round < 200000; round++) {
		struct program p = good_program();
		struct elf_layout layout;
		struct elf_image image;

		for (int changes = (int)random_below(5); changes > 0; changes--) {
			struct elf64_phdr *segment = &p.segments[random_below(3)];
			__u64 *fields[] = { &segment->p_offset, &segment->p_vaddr,
					    &segment->p_filesz, &segment->p_memsz,
					    &segment->p_align,	&p.header.e_phoff };

			if (random_below(4))
				*fields[random_below(6)] = edge_number();
			else
				segment->p_type = (u32)random_below(4);
		}
		if (read_program(&p, &layout, &image) == 0) {
			check_image(&p, &image);
			accepted++;
		}
	}
	CHECK(accepted > 1000);
}

UNIT_MAIN
