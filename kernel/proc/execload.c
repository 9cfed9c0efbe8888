/*
 * Maps an ELF program into an address space nobody runs in yet: each segment private from the page
 * cache, so code is shared by all processes that run it and data is copied page by page when
 * written; what memory has beyond the file is zero. A program that names a dynamic loader gets that
 * mapped too, and starts there.
 */
#include "proc/execload.h"
#include "fs/fs.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

/* two thirds up, as Linux's ELF_ET_DYN_BASE without randomisation */
#define PIE_BASE 0x555555554000ull

/* Program headers in a buffer of their own, for the caller to kfree; or ERR_PTR. */
static struct elf64_phdr *read_headers(struct file *file, const struct elf_layout *layout)
{
	size_t size = layout->header_count * sizeof(struct elf64_phdr);
	struct elf64_phdr *headers = kmalloc(size);

	if (!headers)
		return ERR_PTR(-ENOMEM);
	ssize_t got = layout->headers_offset <= INT64_MAX
			      ? file_read_kernel(file, headers, size, layout->headers_offset)
			      : 0;
	if (got == (ssize_t)size)
		return headers;
	kfree(headers);
	return ERR_PTR(got < 0 ? got : -ENOEXEC);
}

static int segment_prot(const struct elf64_phdr *segment)
{
	return (segment->p_flags & PF_R ? PROT_READ : 0) |
	       (segment->p_flags & PF_W ? PROT_WRITE : 0) |
	       (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_file_part(struct mm_struct *mm, struct file *file, const struct elf64_phdr *segment,
			 u64 start, u64 end)
{
	struct mmap_request request = {
		.addr = start,
		.size = end - start,
		.prot = segment_prot(segment),
		.flags = MAP_FIXED | MAP_PRIVATE,
		.pgoff = align_down(segment->p_offset, PAGE_SIZE) >> PAGE_SHIFT,
		.vm_flags = VM_MAYWRITE,
	};
	int error = file_mmap(file, &request);
	s64 place = error ? error : mm_map(mm, &request);

	return place < 0 ? (int)place : 0;
}

/* Linux makes this part writable whatever the segment says, and so do programs expect it. */
static int map_zero_part(struct mm_struct *mm, const struct elf64_phdr *segment, u64 start, u64 end)
{
	struct mmap_request request = {
		.addr = start,
		.size = end - start,
		.prot = segment_prot(segment) | PROT_READ | PROT_WRITE,
		.flags = MAP_FIXED | MAP_PRIVATE,
	};
	s64 place = mm_map(mm, &request);

	return place < 0 ? (int)place : 0;
}

/* Zeroes what the last file page holds beyond the segment's file bytes. */
static int clear_tail(struct mm_struct *mm, u64 from, u64 to)
{
	if (from == to)
		return 0;
	struct frame *frame = mm_page(mm, from, FAULT_WRITE);
	if (IS_ERR(frame)) /* -EFAULT: the file ends before the segment says */
		return PTR_ERR(frame) == -EFAULT ? -ENOEXEC : (int)PTR_ERR(frame);
	memset((u8 *)frame_addr(frame) + (from & ~PAGE_MASK), 0, to - from);
	frame_put(frame);
	return 0;
}

static int map_segment(struct mm_struct *mm, struct file *file, const struct elf64_phdr *segment,
		       u64 bias)
{
	u64 start = align_down(segment->p_vaddr + bias, PAGE_SIZE);
	u64 file_end = segment->p_vaddr + bias + segment->p_filesz;
	u64 end = align_up(segment->p_vaddr + bias + segment->p_memsz, PAGE_SIZE);
	u64 mapped_end = segment->p_filesz ? align_up(file_end, PAGE_SIZE) : start;
	int error = 0;

	if (mapped_end > start)
		error = map_file_part(mm, file, segment, start, mapped_end);
	if (!error && segment->p_memsz > segment->p_filesz && (segment->p_flags & PF_W) &&
	    segment->p_filesz)
		error = clear_tail(mm, file_end, mapped_end);
	if (!error && end > mapped_end)
		error = map_zero_part(mm, segment, mapped_end, end);
	return error;
}

static int map_segments(struct mm_struct *mm, struct file *file, const struct elf64_phdr *headers,
			u32 count, u64 bias)
{
	int error = 0;

	for (u32 i = 0; i < count && !error; i++)
		if (headers[i].p_type == PT_LOAD && headers[i].p_memsz)
			error = map_segment(mm, file, &headers[i], bias);
	return error;
}

/* Where a relocatable image goes: PIE_BASE for a program, the mmap area for a loader. 0:
 * no room. */
static u64 choose_bias(struct mm_struct *mm, const struct elf_layout *layout,
		       const struct elf_image *image, bool program)
{
	u64 size = image->high - image->low, place = PIE_BASE;

	if (!layout->relocatable)
		return 0;
	if (!program) {
		mutex_lock(&mm->lock);
		place = vma_find_gap(mm, size + image->alignment);
		mutex_unlock(&mm->lock);
		if (!place)
			return 0;
	}
	return align_up(place, image->alignment) - image->low;
}

/* What was found out about one ELF file and where it was put. */
struct loaded {
	struct elf_layout layout;
	struct elf_image image;
	u64 bias;
	char *interpreter; /* kmalloc'd name, or NULL */
};

/* The name in PT_INTERP, terminated; or ERR_PTR. */
static char *read_interpreter_name(struct file *file, const struct elf64_phdr *segment)
{
	char *name = kmalloc(segment->p_filesz);

	if (!name)
		return ERR_PTR(-ENOMEM);
	ssize_t got = segment->p_offset <= INT64_MAX
			      ? file_read_kernel(file, name, segment->p_filesz, segment->p_offset)
			      : 0;
	if (got == (ssize_t)segment->p_filesz && name[got - 1] == '\0')
		return name;
	kfree(name);
	return ERR_PTR(got < 0 ? got : -ENOEXEC);
}

static int load_image(struct mm_struct *mm, struct file *file, const char *bytes, size_t size,
		      bool program, struct loaded *loaded)
{
	int error = elf_read_header(bytes, size, &loaded->layout);

	if (error)
		return error;
	struct elf64_phdr *headers = read_headers(file, &loaded->layout);
	if (IS_ERR(headers))
		return (int)PTR_ERR(headers);
	error = elf_read_segments(headers, &loaded->layout, USER_END, &loaded->image);
	if (error)
		goto out;
	if (program && loaded->image.interpreter) {
		char *name = read_interpreter_name(file, loaded->image.interpreter);

		error = IS_ERR(name) ? (int)PTR_ERR(name) : 0;
		if (error)
			goto out;
		loaded->interpreter = name;
	}
	loaded->bias = choose_bias(mm, &loaded->layout, &loaded->image, program);
	if (loaded->image.high > USER_END - loaded->bias)
		error = -ENOMEM;
	else
		error = map_segments(mm, file, headers, loaded->layout.header_count, loaded->bias);
out:
	loaded->image.interpreter = NULL; /* it points into headers */
	kfree(headers);
	return error;
}

/* Maps the dynamic loader that the program named. */
static int load_interpreter(struct exec *exec, const char *name)
{
	struct loaded *loader = kzalloc(sizeof(*loader));
	struct file *file = loader ? file_open_exec(AT_FDCWD, name, 0) : ERR_PTR(-ENOMEM);
	char header[sizeof(struct elf64_hdr)];
	int error;

	if (IS_ERR(file)) {
		kfree(loader);
		return (int)PTR_ERR(file);
	}
	ssize_t got = file_read_kernel(file, header, sizeof(header), 0);
	error = got < 0 ? (int)got : load_image(exec->mm, file, header, (size_t)got, false, loader);
	if (error == -ENOEXEC)
		error = -ELIBBAD;
	exec->interpreter_base = loader->bias;
	exec->entry = loader->layout.entry + loader->bias;
	file_put(file);
	kfree(loader);
	return error;
}

static void note_program(struct exec *exec, const struct loaded *program)
{
	struct mm_struct *mm = exec->mm;
	u64 bias = program->bias;

	mm->code_start = program->image.code_start + bias;
	mm->code_end = program->image.code_end + bias;
	mm->data_start = program->image.data_start + bias;
	mm->data_end = program->image.data_end + bias;
	mm->brk_start = mm->brk = program->image.high + bias;
	mm->exe = file_get(exec->file);
	exec->entry = exec->program_entry = program->layout.entry + bias;
	exec->headers_address =
		program->image.headers_address ? program->image.headers_address + bias : 0;
	exec->header_count = program->layout.header_count;
}

static int make_stack_executable(struct mm_struct *mm)
{
	return mm_protect(mm, USER_END - PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

int exec_load_elf(struct exec *exec, const char *bytes, size_t size)
{
	struct loaded *program = kzalloc(sizeof(*program));

	if (!program)
		return -ENOMEM;
	int error = load_image(exec->mm, exec->file, bytes, size, true, program);
	if (!error)
		note_program(exec, program);
	if (!error && program->interpreter)
		error = load_interpreter(exec, program->interpreter);
	if (!error && program->image.executable_stack)
		error = make_stack_executable(exec->mm);
	kfree(program->interpreter);
	kfree(program);
	return error;
}
