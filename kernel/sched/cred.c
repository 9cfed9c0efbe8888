/*
 * The questions about credentials that every floor asks. They read what nobody writes, so they take
 * no lock.
 */
#include "sched/cred.h"
#include "sched/task.h"

const struct cred boot_cred = {
	.refs = 1,
	.permitted = CAPS_ALL,
	.effective = CAPS_ALL,
	.bounding = CAPS_ALL,
};

bool cred_has_group(const struct cred *cred, gid_t gid)
{
	u32 low = 0, high = cred->groups ? cred->groups->count : 0;

	while (low < high) {
		u32 middle = low + (high - low) / 2;
		gid_t found = cred->groups->gids[middle];

		if (found == gid)
			return true;
		if (found < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool in_group(gid_t gid)
{
	return current->cred->fsgid == gid || cred_has_group(current->cred, gid);
}
