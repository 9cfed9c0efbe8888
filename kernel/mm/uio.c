/* The cursor of uio.h: one loop over the segments, three ways to move the bytes of each step. */
#include "mm/uio.h"
#include "lib/string.h"
#include "mm/usercopy.h"

static void init(struct uio *uio, struct iovec *iov, const void *base, size_t size, bool kernel)
{
	iov->iov_base = (void *)base;
	iov->iov_len = size;
	*uio = (struct uio){ .iov = iov, .segments = 1, .left = size, .kernel = kernel };
}

void uio_init_user(struct uio *uio, struct iovec *iov, const void __user *base, size_t size)
{
	init(uio, iov, (__force const void *)base, size, false);
}

void uio_init_kernel(struct uio *uio, struct iovec *iov, const void *base, size_t size)
{
	init(uio, iov, base, size, true);
}

/* Moves `step` bytes between a kernel buffer and the segment; gives the bytes not moved. */
typedef size_t (*mover)(const struct uio *uio, void *segment, void *kernel, size_t step);

static size_t move_out(const struct uio *uio, void *segment, void *kernel, size_t step)
{
	if (!uio->kernel)
		return copy_to_user_partial((__force void __user *)segment, kernel, step);
	memcpy(segment, kernel, step);
	return 0;
}

static size_t move_in(const struct uio *uio, void *segment, void *kernel, size_t step)
{
	if (!uio->kernel)
		return copy_from_user_partial(kernel, (__force const void __user *)segment, step);
	memcpy(kernel, segment, step);
	return 0;
}

static size_t move_zeroes(const struct uio *uio, void *segment, void *kernel, size_t step)
{
	(void)kernel;
	if (!uio->kernel)
		return clear_user_partial((__force void __user *)segment, step);
	memset(segment, 0, step);
	return 0;
}

static size_t transfer(struct uio *uio, u8 *kernel, size_t size, mover move)
{
	size_t done = 0;

	size = min(size, uio->left);
	while (done < size) {
		size_t step = min(size - done, uio->iov->iov_len - uio->offset);
		size_t missed = step ? move(uio, (u8 *)uio->iov->iov_base + uio->offset,
					    kernel ? kernel + done : NULL, step)
				     : 0;

		done += step - missed;
		uio->offset += step - missed;
		uio->left -= step - missed;
		if (missed)
			break;
		if (uio->offset == uio->iov->iov_len && uio->segments > 1) {
			uio->iov++;
			uio->segments--;
			uio->offset = 0;
		}
	}
	return done;
}

size_t uio_put(struct uio *uio, const void *from, size_t size)
{
	return transfer(uio, (u8 *)from, size, move_out);
}

size_t uio_get(struct uio *uio, void *to, size_t size)
{
	return transfer(uio, to, size, move_in);
}

size_t uio_zero(struct uio *uio, size_t size)
{
	return transfer(uio, NULL, size, move_zeroes);
}
