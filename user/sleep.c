/* sleep: waits for so many seconds, with a fraction if you like. Until BusyBox comes. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	char *end = "?";
	double seconds = argc == 2 ? strtod(argv[1], &end) : -1;
	struct timespec time = { .tv_sec = seconds };

	if (*end != '\0' || !(seconds >= 0)) {
		fprintf(stderr, "usage: sleep SECONDS\n");
		return 1;
	}
	time.tv_nsec = (seconds - time.tv_sec) * 1e9;
	return nanosleep(&time, NULL) == 0 ? 0 : 1;
}
