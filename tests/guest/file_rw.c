/*
 * read(2), write(2), readv(2) and writev(2) on regular files: offsets, holes that read as zero,
 * appending and shared offsets that lose nothing between processes, large transfers, the cap of
 * 0x7ffff000 bytes for one call, and the errors. Sources: read(2), write(2), readv(2), POSIX. What
 * bad pointers do is mem_efault.c, positioned calls are file_pread.c.
 */
#include "paths.h"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

enum { MIB = 1 << 20 };

SCRATCH_TEST(what_was_written_is_read)
{
	char text[16] = { 0 };
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	CHECK_EQ(write(fd, "hello", 5), 5);
	CHECK_EQ(read(fd, text, sizeof(text)), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(fd, text, 2), 2);
	CHECK_STR(text, "he");
	CHECK_EQ(read(fd, text, sizeof(text)), 3);
	CHECK_STR(text, "llo");
	CHECK_EQ(read(fd, text, sizeof(text)), 0);
	CHECK_EQ(write(fd, "!", 1), 1);
	CHECK_FILE("f", "hello!");
}

SCRATCH_TEST(overwriting_changes_only_its_bytes)
{
	int fd = make_file("f", "abcdefghij");

	CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	CHECK_EQ(write(fd, "XYZ", 3), 3);
	CHECK_FILE("f", "abcXYZghij");
	CHECK_EQ(write(fd, "12345", 5), 5);
	CHECK_FILE("f", "abcXYZ12345");
}

/* Writes of odd sizes at odd places against a copy in memory. */
SCRATCH_TEST(odd_sizes_around_page_borders)
{
	static char model[5 * 4096 + 100], back[sizeof(model)], data[5000];
	static const size_t sizes[] = { 1, 7, 100, 4095, 4096, 4097, 5000 };
	int fd = make_file("f", "");

	write_all(fd, model, sizeof(model));
	for (unsigned i = 0; i < 200; i++) {
		size_t n = sizes[i % 7], at = i * 6007 % (sizeof(model) - n);

		pattern_fill(data, n, i * 7777);
		memcpy(model + at, data, n);
		CHECK_EQ(lseek(fd, (off_t)at, SEEK_SET), at);
		CHECK_EQ(write(fd, data, n), n);
	}
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	for (size_t done = 0, n = 1; done < sizeof(back); done += n, n = n * 3 % 6151 + 1) {
		size_t rest = sizeof(back) - done;
		CHECK_EQ(read(fd, back + done, n), n < rest ? n : rest);
	}
	CHECK(!memcmp(back, model, sizeof(model)));
	CHECK_EQ(size_of("f"), sizeof(model));
}

SCRATCH_TEST(a_hole_is_zero)
{
	static char back[3 * 4096];
	int fd = make_file("f", "start");

	CHECK_EQ(lseek(fd, 10000, SEEK_SET), 10000);
	CHECK_EQ(size_of("f"), 5);
	CHECK_EQ(write(fd, "end", 3), 3);
	CHECK_EQ(size_of("f"), 10003);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	memset(back, 'x', sizeof(back));
	CHECK_EQ(read_all(fd, back, sizeof(back)), 10003);
	CHECK(!memcmp(back, "start", 5));
	for (int i = 5; i < 10000; i++)
		CHECK_EQ(back[i], 0);
	CHECK(!memcmp(back + 10000, "end", 3));
}

SCRATCH_TEST(a_sparse_file)
{
	int fd = make_file("f", "");
	off_t places[] = { 100 * MIB, 64 * MIB - 1, 0, 3 * 4096 };
	char c;

	for (int i = 0; i < 4; i++) {
		CHECK_EQ(lseek(fd, places[i], SEEK_SET), places[i]);
		CHECK_EQ(write(fd, "x", 1), 1);
	}
	CHECK_EQ(size_of("f"), 100 * MIB + 1);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(lseek(fd, places[i], SEEK_SET), places[i]);
		CHECK_EQ(read(fd, &c, 1), 1);
		CHECK_EQ(c, 'x');
	}
	CHECK_EQ(lseek(fd, 50 * MIB, SEEK_SET), 50 * MIB);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(c, 0);
}

SCRATCH_TEST(beyond_four_gigabytes)
{
	struct rlimit limit;
	off_t place = (5l << 30) + 123;
	char text[8] = { 0 };

	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
	if (limit.rlim_cur < 6ul << 30)
		SKIP("RLIMIT_FSIZE is in the way");
	int fd = make_file("f", "");
	CHECK_EQ(lseek(fd, place, SEEK_SET), place);
	CHECK_EQ(write(fd, "far", 3), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), place + 3);
	CHECK_EQ(size_of("f"), place + 3);
	CHECK_EQ(lseek(fd, place - 1, SEEK_SET), place - 1);
	CHECK_EQ(read(fd, text, 8), 4);
	CHECK(!memcmp(text, "\0far", 4));
	CHECK_EQ(lseek(fd, 123, SEEK_SET), 123);
	CHECK_EQ(read(fd, text, 3), 3);
	CHECK(!memcmp(text, "\0\0", 3));
}

SCRATCH_TEST(reading_at_and_beyond_the_end)
{
	int fd = make_file("f", "abc");
	char c = 'x';

	CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK_EQ(lseek(fd, 1000000, SEEK_SET), 1000000);
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1000000);
	CHECK_EQ(c, 'x');
	CHECK_EQ(size_of("f"), 3);
}

SCRATCH_TEST(nothing_to_transfer)
{
	int fd = make_file("f", "abc"), null = open("/dev/null", O_WRONLY);
	char c;

	CHECK_EQ(read(fd, &c, 0), 0);
	CHECK_EQ(write(fd, &c, 0), 0);
	CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
	CHECK_EQ(write(fd, &c, 0), 0);
	CHECK_EQ(size_of("f"), 3);
	CHECK_EQ(write(null, &c, 0), 0);
	CHECK_ERRNO(read(null, &c, 0), EBADF);
	CHECK_ERRNO(write(open("f", O_RDONLY), &c, 0), EBADF);
}

SCRATCH_TEST(the_direction_must_fit)
{
	char c = 'c';
	struct iovec vector = { &c, 1 };

	CHECK_EQ(close(make_file("f", "abc")), 0);
	int r = open("f", O_RDONLY), w = open("f", O_WRONLY), closed = dup(1);
	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(write(r, &c, 1), EBADF);
	CHECK_ERRNO(writev(r, &vector, 1), EBADF);
	CHECK_ERRNO(read(w, &c, 1), EBADF);
	CHECK_ERRNO(readv(w, &vector, 1), EBADF);
	CHECK_ERRNO(read(closed, &c, 1), EBADF);
	CHECK_ERRNO(write(closed, &c, 1), EBADF);
	CHECK_ERRNO(readv(closed, &vector, 1), EBADF);
	CHECK_ERRNO(writev(-1, &vector, 1), EBADF);
	CHECK_ERRNO(read(INT_MAX, &c, 1), EBADF);
	CHECK_FILE("f", "abc");
}

SCRATCH_TEST(vectors)
{
	char a[4] = { 0 }, b[4] = { 0 }, c[8] = { 0 };
	int fd = make_file("f", "");
	struct iovec out[] = { { "one", 3 }, { NULL, 0 }, { "two", 3 }, { "three", 5 } };
	struct iovec in[] = { { a, 3 }, { b, 3 }, { NULL, 0 }, { c, 7 } };

	CHECK_EQ(writev(fd, out, 4), 11);
	CHECK_FILE("f", "onetwothree");
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(readv(fd, in, 4), 11);
	CHECK_STR(a, "one");
	CHECK_STR(b, "two");
	CHECK_STR(c, "three");
	CHECK_EQ(readv(fd, in, 4), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
}

SCRATCH_TEST(vector_counts)
{
	static struct iovec vector[1025];
	static char bytes[1025];
	int fd = make_file("f", "");

	for (int i = 0; i < 1025; i++)
		vector[i] = (struct iovec){ &bytes[i], 1 };
	CHECK_ERRNO(writev(fd, vector, 1025), EINVAL);
	CHECK_ERRNO(readv(fd, vector, 1025), EINVAL);
	CHECK_ERRNO(syscall(SYS_writev, fd, vector, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_readv, fd, vector, -1), EINVAL);
	CHECK_EQ(size_of("f"), 0);
	CHECK_EQ(writev(fd, vector, 0), 0);
	pattern_fill(bytes, 1024, 0);
	CHECK_EQ(writev(fd, vector, 1024), 1024);
	memset(bytes, 0, sizeof(bytes));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(readv(fd, vector, 1024), 1024);
	CHECK_EQ(pattern_match(bytes, 1024, 0), 1024);
}

SCRATCH_TEST(a_vector_length_that_is_negative_is_einval)
{
	char c[8] = "xxxxxxx";
	int fd = make_file("f", "");
	struct iovec vector[] = { { c, 4 }, { c, SIZE_MAX } };

	CHECK_ERRNO(syscall(SYS_writev, fd, vector, 2), EINVAL);
	CHECK_ERRNO(syscall(SYS_readv, fd, vector, 2), EINVAL);
	CHECK_EQ(size_of("f"), 0);
}

/* One call moves 0x7ffff000 bytes at most. The pages are never touched: /dev/null does not look. */
TEST(the_cap_of_one_call)
{
	size_t huge = 3ul << 30;
	char *at = mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = open("/dev/null", O_WRONLY);
	struct iovec vector[] = { { at, 1 << 30 }, { at + (1 << 30), 2ul << 30 } };

	CHECK(at != MAP_FAILED);
	CHECK_EQ(write(fd, at, huge), 0x7ffff000);
	CHECK_EQ(write(fd, at, 0x7ffff000), 0x7ffff000);
	CHECK_EQ(write(fd, at, 0x7fffefff), 0x7fffefff);
	CHECK_EQ(writev(fd, vector, 2), 0x7ffff000);
}

SCRATCH_TEST(four_megabytes_at_once)
{
	char *data = malloc(4 * MIB);
	int fd = make_file("f", "");

	CHECK(data != NULL);
	pattern_fill(data, 4 * MIB, 0);
	CHECK_EQ(write(fd, data, 4 * MIB), 4 * MIB);
	memset(data, 0, 4 * MIB);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(fd, data, 4 * MIB), 4 * MIB);
	CHECK_EQ(pattern_match(data, 4 * MIB, 0), 4 * MIB);
	CHECK_EQ(read(fd, data, 1), 0);
	free(data);
}

/* Records of 64 bytes from four processes, each with a letter and a number. */
enum { WRITERS = 4, RECORDS = 300, RECORD = 64 };

static void write_records(int fd, int writer)
{
	for (int i = 0; i < RECORDS; i++) {
		char record[RECORD];

		memset(record, 'a' + writer, RECORD);
		memcpy(record, &i, sizeof(i));
		CHECK_EQ(write(fd, record, RECORD), RECORD);
	}
}

static void check_records(const char *path)
{
	static char all[WRITERS * RECORDS * RECORD + 1];
	int next[WRITERS] = { 0 }, fd = open(path, O_RDONLY);

	CHECK_EQ(read_all(fd, all, sizeof(all)), sizeof(all) - 1);
	for (int r = 0; r < WRITERS * RECORDS; r++) {
		const char *record = all + r * RECORD;
		int number, writer = record[RECORD - 1] - 'a';

		CHECK(writer >= 0 && writer < WRITERS);
		for (int i = sizeof(number); i < RECORD; i++)
			CHECK_EQ(record[i], 'a' + writer);
		memcpy(&number, record, sizeof(number));
		CHECK_EQ(number, next[writer]);
		next[writer]++;
	}
}

SCRATCH_TEST(appending_from_several_processes_loses_nothing)
{
	pid_t child[WRITERS];

	touch("f");
	for (int w = 0; w < WRITERS; w++) {
		child[w] = FORK();
		if (child[w] == 0) {
			write_records(open("f", O_WRONLY | O_APPEND), w);
			_exit(0);
		}
	}
	for (int w = 0; w < WRITERS; w++)
		CHECK_EXIT(child[w], 0);
	check_records("f");
}

SCRATCH_TEST(a_shared_offset_loses_nothing)
{
	pid_t child[WRITERS];
	int fd = make_file("f", "");

	for (int w = 0; w < WRITERS; w++) {
		child[w] = FORK();
		if (child[w] == 0) {
			write_records(fd, w);
			_exit(0);
		}
	}
	for (int w = 0; w < WRITERS; w++)
		CHECK_EXIT(child[w], 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), WRITERS * RECORDS * RECORD);
	check_records("f");
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
