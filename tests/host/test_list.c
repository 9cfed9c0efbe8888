/* kernel/lib/list.h against a plain array that is treated the same way, in random order. */
#include "lib/list.h"
#include "unit.h"

enum { ITEMS = 12, ROUNDS = 20000 };

struct item {
	int value;
	struct list_head link;
};

/* Two lists and what should be in them. */
static struct item items[ITEMS];
static struct list_head heads[2];
static int model[2][ITEMS], counts[2];
static int where[ITEMS]; /* 0 or 1: in that list; -1: in none */

static void model_insert(int list, int at, int value)
{
	memmove(&model[list][at + 1], &model[list][at], (size_t)(counts[list] - at) * sizeof(int));
	model[list][at] = value;
	counts[list]++;
	where[value] = list;
}

static void model_remove(int value)
{
	int list = where[value], at = 0;

	while (model[list][at] != value)
		at++;
	memmove(&model[list][at], &model[list][at + 1],
		(size_t)(counts[list] - at - 1) * sizeof(int));
	counts[list]--;
	where[value] = -1;
}

static void check_list(int list)
{
	struct item *item, *first = list_first(&heads[list], struct item, link);
	int at = 0;

	CHECK(list_empty(&heads[list]) == (counts[list] == 0));
	CHECK(first == (counts[list] ? &items[model[list][0]] : NULL));
	list_for_each (item, &heads[list], link) {
		CHECK(at < counts[list]);
		CHECK_EQ(item->value, model[list][at++]);
		CHECK(item->link.prev->next == &item->link && item->link.next->prev == &item->link);
	}
	CHECK_EQ(at, counts[list]);
}

static void step(void)
{
	int value = (int)random_below(ITEMS), list = (int)random_below(2);

	if (random_below(16) == 0) {
		list_splice_tail(&heads[list], &heads[!list]);
		while (counts[!list]) {
			int moved = model[!list][0];

			model_remove(moved);
			model_insert(list, counts[list], moved);
		}
	} else if (where[value] >= 0) {
		list_del(&items[value].link);
		CHECK(list_empty(&items[value].link));
		model_remove(value);
	} else if (random_below(2)) {
		list_add(&heads[list], &items[value].link);
		model_insert(list, 0, value);
	} else {
		list_add_tail(&heads[list], &items[value].link);
		model_insert(list, counts[list], value);
	}
}

static void prepare(void)
{
	for (int i = 0; i < 2; i++) {
		list_init(&heads[i]);
		counts[i] = 0;
	}
	for (int i = 0; i < ITEMS; i++) {
		items[i].value = i;
		list_init(&items[i].link);
		where[i] = -1;
	}
}

CASE(behaves_like_an_array)
{
	prepare();
	for (int round = 0; round < ROUNDS; round++) {
		step();
		check_list(0);
		check_list(1);
	}
}

CASE(safe_iteration_survives_removal)
{
	struct item *item, *next;
	int seen = 0;

	prepare();
	for (int i = 0; i < ITEMS; i++)
		list_add_tail(&heads[0], &items[i].link);
	list_for_each_safe (item, next, &heads[0], link) {
		CHECK_EQ(item->value, seen++);
		list_del(&item->link);
	}
	CHECK_EQ(seen, ITEMS);
	CHECK(list_empty(&heads[0]));
}

UNIT_MAIN
