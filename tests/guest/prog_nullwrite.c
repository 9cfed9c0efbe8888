/*
 * Writes through a null pointer, and so dies of SIGSEGV: a shell that runs it sees status 139. If
 * the write should succeed, it says so and exits with 1.
 */
#include <stdio.h>

int main(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
	puts("a write through a null pointer went through");
	return 1;
}
