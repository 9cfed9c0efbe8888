/* What memory pressure takes from the kernel's own caches; see shrink.h. */
#include "mm/shrink.h"
#include "mm/frame.h"
#include "mm/kmap.h"
#include "mm/slab.h"

bool memory_shrink(void)
{
	/* The CPUs' frames come last: what the first two free passes through a cache, too, and only
	 * in the buddy lists they merge to blocks. */
	u64 frames_freed = slab_shrink() + kstack_shrink();

	return frame_caches_shrink() + frames_freed > 0;
}
