/* ls: names of files, one a line; -l with their properties, -a with hidden ones. Until BusyBox. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static bool all, details;

static int complain(const char *path)
{
	fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
	return 1;
}

static char type_letter(mode_t mode)
{
	static const char letters[] = "?pc?d?b?-?l?s???";

	return letters[mode >> 12 & 15];
}

static void print_details(const struct stat *s)
{
	char mode[] = "rwxrwxrwx";
	char date[32];

	for (int bit = 0; bit < 9; bit++)
		if (!(s->st_mode & 0400 >> bit))
			mode[bit] = '-';
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M", gmtime(&s->st_mtime));
	printf("%c%s %3lu %4u %4u ", type_letter(s->st_mode), mode, (unsigned long)s->st_nlink,
	       s->st_uid, s->st_gid);
	if (S_ISCHR(s->st_mode) || S_ISBLK(s->st_mode))
		printf("%4u, %3u", major(s->st_rdev), minor(s->st_rdev));
	else
		printf("%9lld", (long long)s->st_size);
	printf(" %s ", date);
}

static int list_one(const char *path, const char *name)
{
	struct stat s;
	char target[PATH_MAX];
	ssize_t length;

	if (details && lstat(path, &s) < 0)
		return complain(path);
	if (details)
		print_details(&s);
	length = details && S_ISLNK(s.st_mode) ? readlink(path, target, sizeof(target)) : -1;
	if (length >= 0)
		printf("%s -> %.*s\n", name, (int)length, target);
	else
		printf("%s\n", name);
	return 0;
}

static int list(const char *path)
{
	struct dirent **entries;
	int status = 0;
	int count = scandir(path, &entries, NULL, alphasort);

	if (count < 0)
		return errno == ENOTDIR ? list_one(path, path) : complain(path);
	for (int i = 0; i < count; i++) {
		char full[PATH_MAX];

		snprintf(full, sizeof(full), "%s/%s", path, entries[i]->d_name);
		if (all || entries[i]->d_name[0] != '.')
			status |= list_one(full, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return status;
}

int main(int argc, char **argv)
{
	int status = 0;
	int option;

	while ((option = getopt(argc, argv, "al1")) != -1) {
		all |= option == 'a';
		details |= option == 'l';
		if (option == '?')
			return 2;
	}
	if (optind == argc)
		return list(".");
	for (int i = optind; i < argc; i++) {
		if (argc - optind > 1)
			printf("%s%s:\n", i > optind ? "\n" : "", argv[i]);
		status |= list(argv[i]);
	}
	return status;
}
