/*
 * Names of variables and functions (POSIX XBD 3.235).
 */
#include "names.h"

#include <string.h>

size_t name_length(const char *text)
{
	static const char bytes[] = "0123456789_"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *text >= '0' && *text <= '9' ? 0 : strspn(text, bytes);
}
