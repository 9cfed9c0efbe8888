/*
 * A circular doubly linked list whose links live inside the objects: insertion and removal are O(1)
 * and never allocate, so they cannot fail. An empty head, and a removed link, point to themselves.
 */
#ifndef MITOS_LIB_LIST_H
#define MITOS_LIB_LIST_H

#include "lib/types.h"

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)                                                                       \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}

static inline void list_init(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline void list_insert(struct list_head *link, struct list_head *before,
			       struct list_head *after)
{
	link->prev = before;
	link->next = after;
	before->next = link;
	after->prev = link;
}

/* Adds link as the first of head. */
static inline void list_add(struct list_head *head, struct list_head *link)
{
	list_insert(link, head, head->next);
}

/* Adds link as the last of head. */
static inline void list_add_tail(struct list_head *head, struct list_head *link)
{
	list_insert(link, head->prev, head);
}

static inline void list_del(struct list_head *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

/* Moves every element of from to the end of to; from is left empty. */
static inline void list_splice_tail(struct list_head *to, struct list_head *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(link, type, member) container_of(link, type, member)

/* The first element, or NULL when the list is empty. */
#define list_first(head, type, member)                                                             \
	(list_empty(head) ? NULL : list_entry((head)->next, type, member))

#define list_for_each(pos, head, member)                                                           \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head);     \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* As list_for_each; the current element may be removed or freed. */
#define list_for_each_safe(pos, tmp, head, member)                                                 \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),                             \
	    tmp = list_entry(pos->member.next, __typeof__(*pos), member);                          \
	     &pos->member != (head);                                                               \
	     pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

#endif
