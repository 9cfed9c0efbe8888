/*
 * libFuzzer on kernel/proc/elf.c: any bytes at all as a file. Whatever is accepted must be an image
 * inside user addresses, and nothing may be read but the file's own bytes (`make fuzz`).
 */
#include "proc/elf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ull
#define LIMIT 0x7ffffffff000ull

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void insist(bool claim)
{
	if (!claim)
		abort();
}

static void check_image(const struct elf_image *image, const struct elf64_phdr *headers, u32 count)
{
	insist(image->low < image->high && image->high <= LIMIT);
	insist(image->low % PAGE == 0 && image->high % PAGE == 0);
	insist(image->alignment >= PAGE && (image->alignment & (image->alignment - 1)) == 0);
	insist(image->code_start <= image->code_end && image->code_end <= image->high);
	insist(image->data_start >= image->low && image->data_start <= image->high);
	insist(image->data_end >= image->low && image->data_end <= image->high);
	insist(!image->headers_address ||
	       (image->headers_address >= image->low && image->headers_address <= image->high));
	insist(!image->interpreter ||
	       (image->interpreter >= headers && image->interpreter < headers + count));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct elf64_phdr *headers;
	struct elf_layout layout;
	struct elf_image image;
	size_t length;

	if (elf_read_header(bytes, size, &layout))
		return 0;
	length = layout.header_count * sizeof(*headers);
	insist(length > 0 && length <= ELF_HEADERS_MAX);
	if (layout.headers_offset > size || length > size - layout.headers_offset)
		return 0;
	headers = malloc(length); /* a copy of that size, so that a read beyond it is seen */
	memcpy(headers, bytes + layout.headers_offset, length);
	if (elf_read_segments(headers, &layout, LIMIT, &image) == 0)
		check_image(&image, headers, layout.header_count);
	free(headers);
	return 0;
}
