/* cat: copies files, or standard input, to standard output. Until BusyBox comes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int copy(int fd, const char *name)
{
	char bytes[16384];
	ssize_t count;

	while ((count = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t done = 0, n; done < count; done += n) {
			n = write(STDOUT_FILENO, bytes + done, count - done);
			if (n < 0) {
				perror("cat: standard output");
				return 1;
			}
		}
	if (count < 0)
		fprintf(stderr, "cat: %s: %s\n", name, strerror(errno));
	return count < 0;
}

int main(int argc, char **argv)
{
	int status = argc < 2 ? copy(STDIN_FILENO, "standard input") : 0;

	for (int i = 1; i < argc; i++) {
		int fd = strcmp(argv[i], "-") == 0 ? dup(STDIN_FILENO) : open(argv[i], O_RDONLY);

		if (fd < 0) {
			fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
			status = 1;
			continue;
		}
		status |= copy(fd, argv[i]);
		close(fd);
	}
	return status;
}
