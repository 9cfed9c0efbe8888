/*
 * forktwice: fork is called once and returns twice.
 *
 * Two processes come back from the same call, at the same instruction, on the same stack at the
 * same addresses. All that differs is the value it returns; and from then on each has its own
 * memory. The child writes down what it sees and sends it through a pipe; the parent compares.
 */
#include "demo.h"

#include <sys/wait.h>

/* What one of the two sees when fork has returned. */
struct view {
	pid_t returned; /* by fork */
	pid_t pid;
	pid_t parent;
	void *program_counter; /* where fork has returned to */
	int *address;	       /* of a variable on the stack */
	int before;	       /* its value as found after fork */
	int after;	       /* its value once this process has changed it */
};

/* The address of the instruction after the call of this function. */
static void *__attribute__((noinline)) program_counter(void)
{
	return __builtin_return_address(0);
}

static void print_view(const char *who, const struct view *view)
{
	tell("  %-7s %8d %6d %7d %12p %16p %5d %5d", who, view->returned, view->pid, view->parent,
	     view->program_counter, (void *)view->address, view->before, view->after);
}

static void compare(const struct view *parent, const struct view *child)
{
	tell("  %-7s %8s %6s %7s %12s %16s %5s %5s", "", "returned", "pid", "parent", "pc",
	     "&variable", "found", "set");
	print_view("parent", parent);
	print_view("child", child);

	check(child->returned == 0, "in the child, fork returned 0");
	check(parent->returned == child->pid, "in the parent, fork returned the child's pid");
	check(child->pid != parent->pid && child->parent == parent->pid,
	      "they are two processes, one the parent of the other");
	check(child->program_counter == parent->program_counter,
	      "both came back to the same instruction");
	check(child->address == parent->address && child->before == parent->before,
	      "both found the variable at the same address with the same value");
	check(child->after == 2 && parent->after == 1,
	      "what the child wrote there is not what the parent has there");
}

int main(void)
{
	struct view parent = { 0 };
	struct view child = { 0 };
	struct view *mine;
	volatile int variable = 7;
	int channel[2];
	int status;
	pid_t returned;
	void *pc;

	tell("I am process %d. I call fork once.", getpid());
	must(pipe(channel), "pipe");

	returned = must(fork(), "fork");
	pc = program_counter();

	mine = returned == 0 ? &child : &parent;
	*mine = (struct view){ returned, getpid(), getppid(), pc, (int *)&variable, variable, 0 };
	variable = returned == 0 ? 2 : 1;
	if (returned == 0) {
		child.after = variable;
		write(channel[1], &child, sizeof(child));
		_exit(23);
	}
	close(channel[1]);
	check(read(channel[0], &child, sizeof(child)) == sizeof(child),
	      "it returned twice: the child has sent what it sees");
	must(waitpid(returned, &status, 0), "waitpid");
	parent.after = variable;

	compare(&parent, &child);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 23,
	      "the child ended with status 23, and the parent was told");
	return demo_end();
}
