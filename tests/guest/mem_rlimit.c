/*
 * RLIMIT_AS: address space beyond the limit is refused with ENOMEM by mmap, mremap and brk,
 * whatever is mapped stays usable, and what is unmapped can be had again; raising the limit lifts
 * it; the limit is inherited by fork. Source: getrlimit(2).
 */
#include "pages.h"
#include <sys/resource.h>

enum { RW = PROT_READ | PROT_WRITE, MIB = 1 << 20 };

static void limit_address_space(rlim_t soft)
{
	struct rlimit limit;

	CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = soft;
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static long try_mmap(size_t bytes, int flags)
{
	return (long)mmap(NULL, bytes, RW, flags | MAP_ANONYMOUS, -1, 0);
}

TEST(mmap_beyond_it_is_enomem)
{
	limit_address_space(64 * MIB);
	CHECK_ERRNO(try_mmap(65 * MIB, MAP_PRIVATE), ENOMEM);
	CHECK_ERRNO(try_mmap(65 * MIB, MAP_SHARED), ENOMEM);
	CHECK_ERRNO(try_mmap(65 * MIB, MAP_PRIVATE | MAP_NORESERVE), ENOMEM);
	long at = try_mmap(40 * MIB, MAP_PRIVATE);
	CHECK(at != -1);
	CHECK_ERRNO(try_mmap(40 * MIB, MAP_PRIVATE), ENOMEM);
	stamp((char *)at, 1);
	CHECK_EQ(munmap((void *)at, 40 * MIB), 0);
	CHECK(try_mmap(40 * MIB, MAP_PRIVATE) != -1);
}

TEST(replacing_a_mapping_needs_no_more)
{
	char *at = map_private(4096);

	limit_address_space(24 * MIB);
	map_at(at, 16 * MIB / PAGE, RW, MAP_PRIVATE);
	CHECK_ERRNO(try_mmap(16 * MIB, MAP_PRIVATE), ENOMEM);
}

TEST(mremap_and_brk_beyond_it)
{
	uintptr_t now = (uintptr_t)syscall(SYS_brk, 0);
	char *at = map_private(256);

	limit_address_space(32 * MIB);
	CHECK_ERRNO((long)mremap(at, 256 * PAGE, 64 * MIB, MREMAP_MAYMOVE), ENOMEM);
	stamp(at, 1);
	CHECK_EQ(syscall(SYS_brk, now + 64 * MIB), now);
	CHECK_EQ(syscall(SYS_brk, now + MIB), now + MIB);
	at = mremap(at, 256 * PAGE, 8 * MIB, MREMAP_MAYMOVE);
	CHECK(at != MAP_FAILED);
	CHECK_STAMP(at, 1);
}

TEST(below_what_is_in_use)
{
	char *at = map_private(16);

	limit_address_space(PAGE);
	for (int i = 0; i < 16; i++)
		stamp(at + i * PAGE, i);
	CHECK_ERRNO(try_mmap(PAGE, MAP_PRIVATE), ENOMEM);
	CHECK_EQ(munmap(at, PAGE), 0);
	CHECK_EQ(mprotect(at + PAGE, PAGE, PROT_READ), 0);
	CHECK_ERRNO(try_mmap(PAGE, MAP_PRIVATE), ENOMEM);
	limit_address_space(RLIM_INFINITY);
	CHECK(try_mmap(64 * MIB, MAP_PRIVATE) != -1);
}

TEST(the_child_inherits_it)
{
	limit_address_space(64 * MIB);
	CHECK_LIVES(CHECK_ERRNO(try_mmap(80 * MIB, MAP_PRIVATE), ENOMEM));
	CHECK_LIVES(limit_address_space(256 * MIB); CHECK(try_mmap(80 * MIB, MAP_PRIVATE) != -1));
	CHECK_ERRNO(try_mmap(80 * MIB, MAP_PRIVATE), ENOMEM);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
