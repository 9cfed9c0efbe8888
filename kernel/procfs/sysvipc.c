/* /proc/sysvipc/shm: the segments of System V shared memory (proc(5)). */
#include "mm/sysvshm.h"
#include "procfs/text.h"
#include "x86/paging.h"

typedef unsigned long long ull;

static void show_segments(struct text *text, struct task_struct *task)
{
	struct shmid64_ds s;
	u64 rss;
	int id;

	(void)task;
	text_print(
		text,
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
		"cuid  cgid      atime      dtime      ctime                   rss"
		"                  swap\n");
	for (int at = 0; (id = shm_next(at, &s, &rss)) >= 0; at = id % SHM_SEGMENTS_MAX + 1) {
		text_print(text, "%10d %10d  %4o %21llu %5u %5u  %5llu ", s.shm_perm.key, id,
			   s.shm_perm.mode, (ull)s.shm_segsz, s.shm_cpid, s.shm_lpid,
			   (ull)s.shm_nattch);
		text_print(text, "%5u %5u %5u %5u ", s.shm_perm.uid, s.shm_perm.gid,
			   s.shm_perm.cuid, s.shm_perm.cgid);
		text_print(text, "%10lld %10lld %10lld %21llu %21u\n", (long long)s.shm_atime,
			   (long long)s.shm_dtime, (long long)s.shm_ctime, (ull)(rss * PAGE_SIZE),
			   0u);
	}
}

const struct proc_file sysvipc_files[] = {
	{ .name = "shm", .mode = 0444, .show = show_segments },
	{ .name = NULL },
};
