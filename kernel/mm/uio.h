/*
 * Where a read or write moves its bytes: a cursor over user buffers (iovecs) or one kernel buffer,
 * so that files never see user pointers. All copying goes through mm/usercopy, so a bad user
 * address stops it short.
 */
#ifndef MITOS_MM_UIO_H
#define MITOS_MM_UIO_H

#include "lib/types.h"
#include <linux/uio.h>

struct uio {
	const struct iovec *iov; /* the current segment; already copied into the kernel */
	u64 segments;		 /* left, the current one included */
	size_t offset;		 /* bytes done in the current segment */
	size_t left;		 /* bytes left in all */
	bool kernel;		 /* the buffers are kernel memory */
};

/* One user buffer, or one kernel buffer. iov is the caller's storage and must outlive the uio. */
void uio_init_user(struct uio *uio, struct iovec *iov, const void __user *base, size_t size);
void uio_init_kernel(struct uio *uio, struct iovec *iov, const void *base, size_t size);

/* Copies min(size, uio->left) bytes into the buffers (put), out of them (get), or zeroes them;
 * advances. Returns the bytes done: fewer than asked only if the buffers end or a user page is
 * bad. */
size_t uio_put(struct uio *uio, const void *from, size_t size);
size_t uio_get(struct uio *uio, void *to, size_t size);
size_t uio_zero(struct uio *uio, size_t size);

#endif
