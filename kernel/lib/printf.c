/*
 * snprintf for the kernel. One conversion is parsed into a struct spec, its digits or bytes are
 * found, and one function writes prefix, padding and body, so that every flag works with every
 * conversion that allows it.
 */
#include "lib/printf.h"
#include "lib/string.h"

/* Where the text goes: it keeps counting when buf is full. */
struct sink {
	char *buf;
	size_t size;   /* of buf, bytes */
	size_t length; /* of the text so far */
};

struct spec {
	bool left, zero, plus, space, alternate;
	int width;
	int precision; /* -1: not given */
	int bytes;     /* size of the integer argument */
	char conversion;
};

static void put_char(struct sink *sink, char c)
{
	if (sink->length + 1 < sink->size)
		sink->buf[sink->length] = c;
	sink->length++;
}

static void put_bytes(struct sink *sink, const char *s, size_t length)
{
	for (; length; length--)
		put_char(sink, *s++);
}

static void put_repeated(struct sink *sink, char c, int count)
{
	for (; count > 0; count--)
		put_char(sink, c);
}

/* prefix, then zeros zeros, then body, in a field of spec->width. */
static void put_field(struct sink *sink, const struct spec *spec, const char *prefix, int zeros,
		      const char *body, int length)
{
	int padding = spec->width - (int)strlen(prefix) - zeros - length;

	if (!spec->left)
		put_repeated(sink, ' ', padding);
	put_bytes(sink, prefix, strlen(prefix));
	put_repeated(sink, '0', zeros);
	put_bytes(sink, body, length);
	if (spec->left)
		put_repeated(sink, ' ', padding);
}

static void put_integer(struct sink *sink, struct spec *spec, u64 value, bool negative)
{
	const char *set = spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	bool hex = spec->conversion == 'x' || spec->conversion == 'X';
	unsigned base = hex ? 16 : spec->conversion == 'o' ? 8 : 10;
	bool is_signed = spec->conversion == 'd' || spec->conversion == 'i';
	char digits[24];
	char *first = digits + sizeof(digits);
	const char *prefix = "";

	if (is_signed)
		prefix = negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
	else if (hex && spec->alternate && value)
		prefix = spec->conversion == 'X' ? "0X" : "0x";
	for (; value; value /= base)
		*--first = set[value % base];

	int length = digits + sizeof(digits) - first;
	int zeros = (spec->precision < 0 ? 1 : spec->precision) - length;
	if (spec->precision < 0 && spec->zero && !spec->left)
		zeros = max(zeros, spec->width - (int)strlen(prefix) - length);
	if (base == 8 && spec->alternate)
		zeros = max(zeros, 1);
	put_field(sink, spec, prefix, max(zeros, 0), first, length);
}

static void put_string(struct sink *sink, struct spec *spec, const char *s)
{
	if (!s)
		s = "(null)";
	size_t length = spec->precision < 0 ? strlen(s) : strnlen(s, spec->precision);
	put_field(sink, spec, "", 0, s, length);
}

/* A number or '*' of the format; the argument list is shared with the caller. */
static int parse_number(const char **format, va_list *args)
{
	int value = 0;

	if (**format == '*') {
		(*format)++;
		return va_arg(*args, int);
	}
	for (; **format >= '0' && **format <= '9'; (*format)++)
		value = value * 10 + (**format - '0');
	return value;
}

static bool parse_flag(struct spec *spec, char c)
{
	switch (c) {
	case '-':
		spec->left = true;
		return true;
	case '0':
		spec->zero = true;
		return true;
	case '+':
		spec->plus = true;
		return true;
	case ' ':
		spec->space = true;
		return true;
	case '#':
		spec->alternate = true;
		return true;
	default:
		return false;
	}
}

static const char *parse_spec(struct spec *spec, const char *format, va_list *args)
{
	*spec = (struct spec){ .precision = -1, .bytes = sizeof(int) };
	while (parse_flag(spec, *format))
		format++;
	spec->width = parse_number(&format, args);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*format == '.') {
		format++;
		spec->precision = parse_number(&format, args);
	}
	for (; *format == 'h'; format++)
		spec->bytes /= 2;
	for (; *format == 'l' || *format == 'z'; format++)
		spec->bytes = sizeof(long);
	spec->conversion = *format;
	return *format ? format + 1 : format;
}

/* The value of a signed argument of spec->bytes bytes. */
static s64 signed_arg(const struct spec *spec, va_list *args)
{
	if (spec->bytes == sizeof(long))
		return va_arg(*args, long);
	int value = va_arg(*args, int);
	return spec->bytes == 1 ? (s8)value : spec->bytes == 2 ? (s16)value : value;
}

static u64 unsigned_arg(const struct spec *spec, va_list *args)
{
	if (spec->bytes == sizeof(long))
		return va_arg(*args, unsigned long);
	unsigned value = va_arg(*args, unsigned);
	return spec->bytes == 1 ? (u8)value : spec->bytes == 2 ? (u16)value : value;
}

static void put_conversion(struct sink *sink, struct spec *spec, va_list *args)
{
	char byte;
	s64 value;

	switch (spec->conversion) {
	case 'd':
	case 'i':
		value = signed_arg(spec, args);
		put_integer(sink, spec, value < 0 ? -(u64)value : (u64)value, value < 0);
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_integer(sink, spec, unsigned_arg(spec, args), false);
		break;
	case 'p':
		spec->bytes = sizeof(void *);
		spec->alternate = true;
		spec->conversion = 'x';
		put_integer(sink, spec, unsigned_arg(spec, args), false);
		break;
	case 'c':
		byte = (char)va_arg(*args, int);
		put_field(sink, spec, "", 0, &byte, 1);
		break;
	case 's':
		put_string(sink, spec, va_arg(*args, const char *));
		break;
	case '%':
		put_char(sink, '%');
		break;
	default: /* not a conversion: shown, so that it is noticed */
		put_char(sink, '%');
		if (spec->conversion)
			put_char(sink, spec->conversion);
	}
}

int mitos_vsnprintf(char *buf, size_t size, const char *format, va_list args)
{
	struct sink sink = { buf, size, 0 };
	struct spec spec;
	va_list rest;

	va_copy(rest, args);
	while (*format) {
		if (*format != '%') {
			put_char(&sink, *format++);
			continue;
		}
		format = parse_spec(&spec, format + 1, &rest);
		put_conversion(&sink, &spec, &rest);
	}
	va_end(rest);
	if (size)
		buf[min(sink.length, size - 1)] = 0;
	return (int)sink.length;
}

int mitos_snprintf(char *buf, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int length = mitos_vsnprintf(buf, size, format, args);
	va_end(args);
	return length;
}
