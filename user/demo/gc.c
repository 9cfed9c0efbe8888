/*
 * gc: a garbage collector that only looks at objects copies them, if it leaves its marks in them.
 *
 * A server loads its program once and forks workers, which share all of that memory until somebody
 * writes to it. But collectors write: Ruby's, before 2.0, set a mark bit in each object it reached,
 * and Python's cycle detector changes a count in each; so the first collection in a worker copied
 * all that it had been saving ("copy on read"). Ruby moved the bits to a bitmap beside the objects;
 * Instagram turned Python's collector off, and later gave Python gc.freeze(), which hides from the
 * collector what was there before the fork.
 *
 * Here three workers visit the same tree of objects, and what they make the kernel copy is counted:
 * one only looks, one marks objects, and one marks bits in a bitmap. Linux does not count copied
 * pages: there it is the page faults of the worker. In fork mode eager fork has copied all before.
 */
#include "memory.h"

enum {
	PAGES = 1024,
	OBJECTS = PAGES * (PAGE / 64),
	BITMAP_PAGES = OBJECTS / 8 / PAGE,
	SLACK = 8, /* pages that others, or this program's stack, may add to a count */
};

struct object {
	struct object *left, *right;
	long marked;
	char contents[40];
};
_Static_assert(sizeof(struct object) == 64, "OBJECTS of them fill the pages");

static struct object *objects; /* the first one is the root of the tree */
static unsigned char *bitmap;  /* a bit for each of them */

/* How to mark an object; false if it was marked before. */
typedef bool mark_fn(struct object *object);

static bool look_only(struct object *object)
{
	return !object->marked;
}

static bool mark_object(struct object *object)
{
	return !object->marked++;
}

static bool mark_bitmap(struct object *object)
{
	size_t number = object - objects;
	unsigned char bit = 1 << number % 8;
	bool first = !(bitmap[number / 8] & bit);

	bitmap[number / 8] |= bit;
	return first;
}

/* The mark phase: how many objects can be reached from here. */
static long collect(struct object *object, mark_fn *mark)
{
	if (!object || !mark(object))
		return 0;
	return 1 + collect(object->left, mark) + collect(object->right, mark);
}

/* The worker: collects nothing first, so that its own pages are settled. */
static void be_worker(const char *what, mark_fn *mark, long expected)
{
	struct counters cost = read_counters();
	long reached, count;

	collect(NULL, mark);
	count_since(cost);
	cost = read_counters();
	reached = collect(objects, mark);
	cost = count_since(cost);
	count = *fork_mode() ? cost.copied : cost.faults;
	check(reached == OBJECTS, "a worker %s: it reaches all %d objects", what, OBJECTS);
	if (fork_mode_is("eager"))
		check(count <= SLACK, "and copies %ld pages: fork has copied them all", count);
	else
		check(count >= expected && count <= expected + SLACK, "and %s %ld pages, %ld KiB",
		      *fork_mode() ? "copies" : "takes page faults for", count, count * 4);
	_exit(demo_end());
}

static void fork_worker(const char *what, mark_fn *mark, long expected)
{
	int status;
	pid_t worker = must(fork(), "fork");

	if (worker == 0)
		be_worker(what, mark, expected);
	must(waitpid(worker, &status, 0), "waitpid");
	if (status)
		demo_failures++;
}

/* A binary tree in which no object lies near those it refers to. */
static void make_objects(void)
{
	objects = map_memory(PAGES * PAGE);
	bitmap = map_memory(BITMAP_PAGES * PAGE);
	memset(bitmap, 0, BITMAP_PAGES * PAGE);
	for (long i = 0; i < OBJECTS; i++) {
		/* numbers in the tree are scattered: 40503 is odd, so each object has one */
		struct object *object = &objects[i * 40503 % OBJECTS];
		long left = 2 * i + 1, right = 2 * i + 2;

		object->left = left < OBJECTS ? &objects[left * 40503 % OBJECTS] : NULL;
		object->right = right < OBJECTS ? &objects[right * 40503 % OBJECTS] : NULL;
	}
}

int main(void)
{
	make_objects();
	tell("I am process %d and have %d objects in %d pages, %d KiB.", getpid(), OBJECTS, PAGES,
	     PAGES * 4);
	tell("I fork workers, which share them. Each of them visits all objects:");
	fork_worker("only looks at them", look_only, 0);
	fork_worker("sets a bit in each, as Ruby did", mark_object, PAGES);
	fork_worker("sets bits in a bitmap, as Ruby does now", mark_bitmap, BITMAP_PAGES);
	return demo_end();
}
