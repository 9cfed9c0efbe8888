/*
 * A terminal's settings: what a fresh pseudo-terminal has, the calls that read and change them in
 * each of their three shapes (termios, termios2, termio), and the smaller requests. It speaks to
 * the kernel in its own structures, not in the C library's. Sources: ioctl_tty(2), TCSETS(2const),
 * termios(3); Linux's <asm/termbits.h>.
 */
#include "proc.h"
#include <asm/termbits.h>
#include <asm/termios.h>
#include <sys/stat.h>

static int control(int fd, unsigned long request, void *argument)
{
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

struct pair {
	int master, slave;
};

static struct pair pair_new(void)
{
	struct pair pair = { .master = posix_openpt(O_RDWR | O_NOCTTY) };

	CHECK(pair.master >= 0);
	CHECK_EQ(unlockpt(pair.master), 0);
	pair.slave = open(ptsname(pair.master), O_RDWR | O_NOCTTY);
	CHECK(pair.slave >= 0);
	return pair;
}

static struct termios get(int fd)
{
	struct termios modes;

	memset(&modes, 0xa5, sizeof(modes));
	CHECK_EQ(control(fd, TCGETS, &modes), 0);
	return modes;
}

static void check_same(const struct termios *one, const struct termios *other)
{
	CHECK_EQ(one->c_iflag, other->c_iflag);
	CHECK_EQ(one->c_oflag, other->c_oflag);
	CHECK_EQ(one->c_cflag, other->c_cflag);
	CHECK_EQ(one->c_lflag, other->c_lflag);
	CHECK_EQ(one->c_line, other->c_line);
	for (int i = 0; i < NCCS; i++) {
		CONTEXT("c_cc[%d]", i);
		CHECK_EQ(one->c_cc[i], other->c_cc[i]);
	}
	ktap_context[0] = '\0';
}

TEST(a_fresh_pty)
{
	static const struct termios fresh = {
		.c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B38400 | CS8 | CREAD,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.c_cc = { [VINTR] = 'C' & 31,
			  [VQUIT] = '\\' & 31,
			  [VERASE] = 0x7f,
			  [VKILL] = 'U' & 31,
			  [VEOF] = 'D' & 31,
			  [VMIN] = 1,
			  [VSTART] = 'Q' & 31,
			  [VSTOP] = 'S' & 31,
			  [VSUSP] = 'Z' & 31,
			  [VREPRINT] = 'R' & 31,
			  [VDISCARD] = 'O' & 31,
			  [VWERASE] = 'W' & 31,
			  [VLNEXT] = 'V' & 31 },
	};
	struct pair pair = pair_new();
	struct termios slave = get(pair.slave), master = get(pair.master);

	check_same(&slave, &fresh);
	check_same(&master, &fresh); /* the master's are the slave's */
}

/* The settings last as long as the pair, and are no other pair's. */
TEST(settings_belong_to_the_pair)
{
	struct pair pair = pair_new(), other = pair_new();
	struct termios modes = get(pair.slave), fresh = modes;

	modes.c_lflag &= ~(unsigned)ECHO;
	CHECK_EQ(control(pair.slave, TCSETS, &modes), 0);
	CHECK_EQ(close(pair.slave), 0);
	pair.slave = open(ptsname(pair.master), O_RDWR | O_NOCTTY);
	struct termios again = get(pair.slave), untouched = get(other.slave);
	check_same(&again, &modes);
	check_same(&untouched, &fresh);
	CHECK_EQ(close(pair.slave), 0);
	CHECK_EQ(close(pair.master), 0);
	pair = pair_new();
	again = get(pair.slave);
	check_same(&again, &fresh);
}

TEST(every_flag_and_character_is_kept)
{
	static const unsigned long requests[] = { TCSETS, TCSETSW, TCSETSF };
	struct pair pair = pair_new();
	struct termios modes = get(pair.slave), back;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		modes.c_iflag = ~0u >> i;
		modes.c_oflag = ~0u >> i;
		modes.c_lflag = ~0u >> i & ~(unsigned)EXTPROC;
		for (int c = 0; c < NCCS; c++)
			modes.c_cc[c] = (cc_t)(c * 3 + 200 + i);
		CHECK_EQ(control(i % 2 ? pair.master : pair.slave, requests[i], &modes), 0);
		back = get(pair.slave);
		check_same(&back, &modes);
	}
}

/* A pty carries eight bits whatever it is told. */
TEST(eight_bits_always)
{
	struct pair pair = pair_new();
	struct termios modes = get(pair.slave);

	modes.c_cflag = B9600 | CS5 | PARENB | PARODD | CSTOPB | HUPCL | CLOCAL;
	CHECK_EQ(control(pair.slave, TCSETS, &modes), 0);
	modes = get(pair.slave);
	CHECK_EQ(modes.c_cflag, B9600 | CS8 | CREAD | PARODD | CSTOPB | HUPCL | CLOCAL);
}

TEST(termios2_has_speeds)
{
	struct pair pair = pair_new();
	struct termios modes = get(pair.slave);
	struct termios2 modes2;

	CHECK_EQ(sizeof(modes), 36);
	CHECK_EQ(sizeof(modes2), 44);
	CHECK_EQ(control(pair.slave, TCGETS2, &modes2), 0);
	check_same((struct termios *)&modes2, &modes);
	CHECK_EQ(modes2.c_ispeed, 38400);
	CHECK_EQ(modes2.c_ospeed, 38400);
	/* the other way to say it */
	modes.c_cflag = (modes.c_cflag & ~(unsigned)CBAUD) | B115200;
	CHECK_EQ(control(pair.slave, TCSETS, &modes), 0);
	CHECK_EQ(control(pair.master, TCGETS2, &modes2), 0);
	CHECK_EQ(modes2.c_ospeed, 115200);
	CHECK_EQ(modes2.c_ispeed, 115200);
	/* any speed at all */
	modes2.c_cflag = (modes2.c_cflag & ~(unsigned)CBAUD) | BOTHER;
	modes2.c_ispeed = modes2.c_ospeed = 12345;
	CHECK_EQ(control(pair.slave, TCSETS2, &modes2), 0);
	memset(&modes2, 0, sizeof(modes2));
	CHECK_EQ(control(pair.slave, TCGETS2, &modes2), 0);
	CHECK_EQ(modes2.c_ospeed, 12345);
	CHECK_EQ(modes2.c_cflag & CBAUD, BOTHER);
	modes2.c_lflag &= ~(unsigned)ECHO;
	CHECK_EQ(control(pair.slave, TCSETSW2, &modes2), 0);
	CHECK_EQ(get(pair.slave).c_lflag & ECHO, 0);
	modes2.c_lflag |= ECHO;
	CHECK_EQ(control(pair.slave, TCSETSF2, &modes2), 0);
	CHECK_EQ(get(pair.slave).c_lflag & ECHO, ECHO);
}

/* The oldest shape: the lower 16 bits and eight characters; the rest stays as it is. */
TEST(termio)
{
	struct pair pair = pair_new();
	struct termios modes = get(pair.slave), back;
	struct termio old;

	modes.c_iflag |= IUTF8 | 0x10000;
	modes.c_cc[VSUSP] = 'x';
	CHECK_EQ(control(pair.slave, TCSETS, &modes), 0);
	CHECK_EQ(control(pair.slave, TCGETA, &old), 0);
	CHECK_EQ(old.c_iflag, (modes.c_iflag & 0xffff));
	CHECK_EQ(old.c_oflag, modes.c_oflag);
	CHECK_EQ(old.c_cflag, modes.c_cflag);
	CHECK_EQ(old.c_lflag, modes.c_lflag);
	CHECK(!memcmp(old.c_cc, modes.c_cc, NCC));
	old.c_lflag &= ~(unsigned)ECHO;
	old.c_cc[VINTR] = 'i';
	CHECK_EQ(control(pair.slave, TCSETA, &old), 0);
	modes.c_lflag &= ~(unsigned)ECHO;
	modes.c_cc[VINTR] = 'i';
	back = get(pair.slave);
	check_same(&back, &modes);
	CHECK_EQ(control(pair.slave, TCSETAW, &old), 0);
	CHECK_EQ(control(pair.slave, TCSETAF, &old), 0);
	back = get(pair.slave);
	check_same(&back, &modes);
}

TEST(bad_pointers)
{
	static const unsigned long requests[] = {
		TCGETS, TCSETS,	 TCSETSW, TCSETSF,  TCGETS2,  TCSETS2,	TCSETSW2, TCSETSF2,  TCGETA,
		TCSETA, TCSETAW, TCSETAF, FIONREAD, TIOCOUTQ, TIOCGETD, TIOCSETD, TIOCGEXCL,
	};
	struct pair pair = pair_new();
	struct termios before = get(pair.slave), after;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		CONTEXT("request 0x%lx", requests[i]);
		CHECK_ERRNO(control(pair.slave, requests[i], BAD_POINTER), EFAULT);
		CHECK_ERRNO(control(pair.slave, requests[i], KERNEL_ADDRESS), EFAULT);
		CHECK_ERRNO(control(pair.slave, requests[i], NON_CANONICAL), EFAULT);
	}
	after = get(pair.slave);
	check_same(&before, &after);
}

TEST(no_such_request)
{
	struct pair pair = pair_new();
	int word = 0;

	CHECK_ERRNO(control(pair.slave, 0xdead, &word), ENOTTY);
	CHECK_ERRNO(control(pair.master, 0xdead, &word), ENOTTY);
	CHECK_ERRNO(control(pair.slave, TIOCMGET, &word), ENOTTY); /* no modem */
	CHECK_ERRNO(control(pair.slave, TIOCGSERIAL, &word), ENOTTY);
}

TEST(breaks_go_nowhere)
{
	struct pair pair = pair_new();

	for (int side = 0; side < 2; side++) {
		int fd = side ? pair.master : pair.slave;
		CHECK_EQ(control(fd, TCSBRK, NULL), 0);	     /* tcsendbreak(fd, 0) */
		CHECK_EQ(control(fd, TCSBRK, (void *)1), 0); /* tcdrain(fd) */
		CHECK_EQ(control(fd, TCSBRKP, (void *)3), 0);
		CHECK_EQ(control(fd, TIOCSBRK, NULL), 0);
		CHECK_EQ(control(fd, TIOCCBRK, NULL), 0);
	}
	CHECK_EQ(fcntl(pair.master, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_ERRNO(read(pair.master, (char[1]){ 0 }, 1), EAGAIN);
}

TEST(the_line_discipline_is_the_only_one)
{
	struct pair pair = pair_new();
	int line = 7;

	CHECK_EQ(control(pair.slave, TIOCGETD, &line), 0);
	CHECK_EQ(line, 0);
	CHECK_EQ(control(pair.slave, TIOCSETD, &line), 0);
	line = 29;
	CHECK_ERRNO(control(pair.slave, TIOCSETD, &line), EINVAL);
}

/* Exclusive use: nobody but the superuser opens it again. */
TEST(exclusive)
{
	struct pair pair = pair_new();
	char *name = ptsname(pair.master);
	int on = 7;

	CHECK_EQ(control(pair.slave, TIOCGEXCL, &on), 0);
	CHECK_EQ(on, 0);
	CHECK_EQ(control(pair.slave, TIOCEXCL, NULL), 0);
	CHECK_EQ(control(pair.slave, TIOCGEXCL, &on), 0);
	CHECK_EQ(on, 1);
	CHECK_EQ(chmod(name, 0666), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		/* fails in a namespace with a single user, who is no superuser outside it */
		if (setresuid(1000, 1000, 1000))
			CHECK_EQ(errno, EINVAL);
		CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EBUSY);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(control(pair.slave, TIOCNXCL, NULL), 0);
	CHECK_EQ(control(pair.slave, TIOCGEXCL, &on), 0);
	CHECK_EQ(on, 0);
	int fd = open(name, O_RDWR | O_NOCTTY);
	CHECK(fd >= 0);
	CHECK_EQ(close(fd), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
