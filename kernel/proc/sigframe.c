/*
 * A handler gets a frame below the user's stack pointer (128 bytes below, for the ABI's red zone)
 * or on the alternate stack. sigreturn trusts nothing in the frame: only arithmetic flags come from
 * it; segments get ring 3's privilege, and those that are not the user's are refused on the way
 * out, like an address that is none (by iretq's own fault, see entry.asm); and an FPU image that
 * the processor would refuse to load is refused before (Intel SDM vol. 1, 13.8).
 */
#include "proc/sigframe.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/oom.h"
#include "x86/fpu.h"
#include <asm/errno.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <linux/signal.h>
#include <asm/unistd_64.h>

#define RED_ZONE 128
#define SYSCALL_SIZE 2 /* bytes of the instruction */
#define FXSAVE_SIZE 512
#define XSAVE_HEADER_SIZE 64
#define FXSAVE_ALIGN 16
#define XFEATURES_LEGACY 3ull /* x87 and SSE: FXSAVE's part */
#define FXSAVE_MXCSR 24
#define USER_FLAGS                                                                                 \
	(RFLAGS_CF | 1ull << 2 | 1ull << 4 | 1ull << 6 | 1ull << 7 | RFLAGS_TF | RFLAGS_DF |       \
	 1ull << 11 | RFLAGS_RF | RFLAGS_AC)

struct rt_sigframe {
	u64 return_address;
	struct ucontext uc;
	struct siginfo info;
};

static bool in_altstack(u64 rsp)
{
	u64 base = (u64)current->altstack.ss_sp;

	return rsp > base && rsp - base <= current->altstack.ss_size;
}

/* One that disarms itself is never in use: its handler has it to itself already. */
static bool on_altstack(u64 rsp)
{
	return !(current->altstack.ss_flags & SS_AUTODISARM) && in_altstack(rsp);
}

static int altstack_flags(u64 rsp)
{
	if (current->altstack.ss_size == 0)
		return SS_DISABLE;
	return on_altstack(rsp) ? SS_ONSTACK : 0;
}

/* The FPU's user image is the XSAVE area with a description of itself in its software bytes and a
 * word after it. */
static int push_fpu(u64 to)
{
	u8 *area = current->fpu;
	u32 size = cpu_features.xsave_size;

	fpu_save(area);
	if (cpu_features.xsave) {
		struct _fpx_sw_bytes *note = (void *)(area + FXSAVE_SIZE - sizeof(*note));
		u32 magic2 = FP_XSTATE_MAGIC2;

		memset(note, 0, sizeof(*note));
		note->magic1 = FP_XSTATE_MAGIC1;
		note->extended_size = size + sizeof(magic2);
		note->xfeatures = cpu_features.xsave_mask;
		note->xstate_size = size;
		*(u64 *)(area + FXSAVE_SIZE) |= XFEATURES_LEGACY; /* they are always there */
		if (copy_to_user((void __user *)(to + size), &magic2, sizeof(magic2)))
			return -EFAULT;
	}
	return copy_to_user((void __user *)to, area, size);
}

/* Does the image say, at both ends, that there is more in it than FXSAVE's part? */
static bool has_xstate(const struct _fpx_sw_bytes *note, u64 image)
{
	u32 magic2;

	return note->magic1 == FP_XSTATE_MAGIC1 &&
	       note->xstate_size >= FXSAVE_SIZE + XSAVE_HEADER_SIZE &&
	       note->xstate_size <= cpu_features.xsave_size &&
	       note->xstate_size <= note->extended_size &&
	       !copy_from_user(&magic2, (void __user *)(image + note->xstate_size),
			       sizeof(magic2)) &&
	       magic2 == FP_XSTATE_MAGIC2;
}

/* Would the processor load this image? Where it would not, it is no good. */
static bool image_is_loadable(const u8 *image)
{
	const u64 *header = (const u64 *)(image + FXSAVE_SIZE);
	u32 mxcsr;

	memcpy(&mxcsr, image + FXSAVE_MXCSR, sizeof(mxcsr));
	if (mxcsr & ~cpu_features.mxcsr_mask)
		return false;
	return !cpu_features.xsave ||
	       !((header[0] & ~cpu_features.xsave_mask) | header[1] | header[2]);
}

/*
 * Copies the user's image at from into buffer (xsave_size bytes of zeroes), without the components
 * that are not in it: they will be in their initial state. 0, -EFAULT, -EINVAL.
 */
static int read_image(u8 *buffer, u64 from)
{
	const struct _fpx_sw_bytes *note;
	u64 *header = (u64 *)(buffer + FXSAVE_SIZE);

	if (copy_from_user(buffer, (void __user *)from, FXSAVE_SIZE))
		return -EFAULT;
	note = (const void *)(buffer + FXSAVE_SIZE - sizeof(*note));
	bool extended = cpu_features.xsave && has_xstate(note, from);
	if (from % (extended ? FPU_ALIGN : FXSAVE_ALIGN))
		return -EINVAL;
	if (extended && copy_from_user(header, (void __user *)(from + FXSAVE_SIZE),
				       note->xstate_size - FXSAVE_SIZE))
		return -EFAULT;
	if (!image_is_loadable(buffer))
		return -EINVAL;
	if (cpu_features.xsave)
		header[0] = extended ? header[0] & note->xfeatures : XFEATURES_LEGACY;
	return 0;
}

/* From an image that the processor will take; NULL: its initial state. */
static void load_fpu(const u8 *image)
{
	irq_push(); /* no switch between filling the task's area and loading it */
	if (image)
		memcpy(current->fpu, image, cpu_features.xsave_size);
	else
		fpu_reset(current->fpu);
	fpu_restore(current->fpu);
	irq_pop();
}

/*
 * Loads the FPU from the frame (0: its initial state). The copy goes by way of a buffer,
 * because it may sleep, and then the switch saves the registers into the task's own area.
 */
static int pop_fpu(u64 from)
{
	u8 *buffer = NULL;

	if (from) {
		/* Nobody could be told that there is no memory: as a fault does, it waits. */
		while (!(buffer = kzalloc(cpu_features.xsave_size)) && !kill_is_pending())
			oom_kill();
		int error = buffer ? read_image(buffer, from) : -ENOMEM;
		if (error) {
			kfree(buffer);
			return error;
		}
	}
	load_fpu(buffer);
	kfree(buffer);
	return 0;
}

static void save_registers(struct sigcontext *sc, const struct trapframe *tf, u64 mask, u64 fpstate)
{
	*sc = (struct sigcontext){
		.r8 = tf->r8,
		.r9 = tf->r9,
		.r10 = tf->r10,
		.r11 = tf->r11,
		.r12 = tf->r12,
		.r13 = tf->r13,
		.r14 = tf->r14,
		.r15 = tf->r15,
		.rdi = tf->rdi,
		.rsi = tf->rsi,
		.rbp = tf->rbp,
		.rbx = tf->rbx,
		.rdx = tf->rdx,
		.rax = tf->rax,
		.rcx = tf->rcx,
		.rsp = tf->rsp,
		.rip = tf->rip,
		.eflags = tf->rflags,
		.cs = (u16)tf->cs,
		.ss = (u16)tf->ss,
		.err = current->fault_error,
		.trapno = current->fault_vector,
		.oldmask = mask,
		.cr2 = current->fault_addr,
		.fpstate = (void *)fpstate,
	};
}

static void restore_registers(struct trapframe *tf, const struct ucontext *uc)
{
	const struct sigcontext *sc = &uc->uc_mcontext;
	bool strict = uc->uc_flags & UC_STRICT_RESTORE_SS; /* else ss is not for the user to say */

	*tf = (struct trapframe){
		.r8 = sc->r8,
		.r9 = sc->r9,
		.r10 = sc->r10,
		.r11 = sc->r11,
		.r12 = sc->r12,
		.r13 = sc->r13,
		.r14 = sc->r14,
		.r15 = sc->r15,
		.rdi = sc->rdi,
		.rsi = sc->rsi,
		.rbp = sc->rbp,
		.rbx = sc->rbx,
		.rdx = sc->rdx,
		.rax = sc->rax,
		.rcx = sc->rcx,
		.rsp = sc->rsp,
		.rip = sc->rip,
		.cs = sc->cs | 3,
		.ss = strict ? sc->ss | 3 : USER_DS,
		.rflags = (tf->rflags & ~USER_FLAGS) | (sc->eflags & USER_FLAGS) | RFLAGS_IF |
			  RFLAGS_FIXED,
		.orig_rax = (u64)-1,
	};
}

/*
 * Where frame and FPU image go. An alternate stack that has no room for them is not overrun:
 * -EFAULT.
 */
static int choose_stack(const struct trapframe *tf, const struct sigaction *action, u64 *frame,
			u64 *fpstate)
{
	u64 rsp = tf->rsp - RED_ZONE;
	bool confined = on_altstack(rsp);

	if ((action->sa_flags & SA_ONSTACK) && altstack_flags(rsp) == 0) {
		rsp = (u64)current->altstack.ss_sp + current->altstack.ss_size;
		confined = true;
	}
	*fpstate = align_down(rsp - cpu_features.xsave_size - sizeof(u32), FPU_ALIGN);
	/* As after a call instruction: 8 bytes off a multiple of 16. */
	*frame = align_down(*fpstate - sizeof(struct rt_sigframe), 16) - 8;
	return confined && !in_altstack(*frame) ? -EFAULT : 0;
}

static int write_frame(u64 at, u64 fpstate, const struct trapframe *tf, const struct siginfo *info,
		       const struct sigaction *action)
{
	struct rt_sigframe __user *frame = (void __user *)at;
	struct ucontext uc = { .uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
			       .uc_stack = current->altstack };
	u64 restorer = (u64)action->sa_restorer;

	if (cpu_features.xsave)
		uc.uc_flags |= UC_FP_XSTATE;
	uc.uc_sigmask = current->restore_blocked ? current->saved_blocked : current->blocked;
	save_registers(&uc.uc_mcontext, tf, uc.uc_sigmask, fpstate);
	if (!(action->sa_flags & SA_RESTORER) || push_fpu(fpstate) ||
	    copy_to_user(&frame->return_address, &restorer, sizeof(restorer)) ||
	    copy_to_user(&frame->uc, &uc, sizeof(uc)) ||
	    copy_to_user(&frame->info, info, sizeof(*info)))
		return -EFAULT;
	return 0;
}

int sigframe_push(struct trapframe *tf, int sig, const struct siginfo *info,
		  const struct sigaction *action)
{
	u64 fpstate, frame, mask = current->blocked | action->sa_mask;

	if (choose_stack(tf, action, &frame, &fpstate) ||
	    write_frame(frame, fpstate, tf, info, action))
		return -EFAULT;
	if (current->altstack.ss_flags & SS_AUTODISARM)
		current->altstack = (stack_t){ .ss_flags = SS_DISABLE };
	current->restore_blocked = false;
	if (!(action->sa_flags & SA_NODEFER))
		mask |= SIGNAL_BIT(sig);
	signal_set_blocked(mask);
	load_fpu(NULL);
	tf->rsp = frame;
	tf->rip = (u64)action->sa_handler;
	tf->rdi = (u64)sig;
	tf->rsi = frame + offsetof(struct rt_sigframe, info);
	tf->rdx = frame + offsetof(struct rt_sigframe, uc);
	tf->rax = 0;
	tf->cs = USER_CS;
	tf->ss = USER_DS;
	tf->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	tf->orig_rax = (u64)-1;
	return 0;
}

/* sigaltstack(2): 0, -EPERM while it is in use, -EINVAL, -ENOMEM. */
static int set_altstack(const stack_t *new, u64 user_rsp)
{
	int mode = new->ss_flags & ~(int)SS_AUTODISARM;

	if (on_altstack(user_rsp))
		return -EPERM;
	if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK)
		return -EINVAL;
	if (mode != SS_DISABLE && new->ss_size < MINSIGSTKSZ)
		return -ENOMEM;
	current->altstack = *new;
	if (mode == SS_DISABLE)
		current->altstack = (stack_t){ .ss_flags = new->ss_flags };
	return 0;
}

s64 sigframe_pop(struct trapframe *tf)
{
	struct rt_sigframe __user *frame = (void __user *)(tf->rsp - 8);
	struct ucontext uc;

	if (copy_from_user(&uc, &frame->uc, sizeof(uc)) || pop_fpu((u64)uc.uc_mcontext.fpstate)) {
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	signal_set_blocked(uc.uc_sigmask);
	restore_registers(tf, &uc);
	current->restart = NULL;	     /* what was interrupted is over */
	set_altstack(&uc.uc_stack, tf->rsp); /* it may well be in use, or never have been good */
	return (s64)tf->rax;
}

void sigframe_restart(struct trapframe *tf, const struct sigaction *action)
{
	s64 result = (s64)tf->rax;

	if ((s64)tf->orig_rax < 0)
		return; /* not a system call */
	if (result > -ERESTARTSYS || result < -ERESTART_RESTARTBLOCK)
		return;
	bool again = !action || result == -ERESTARTNOINTR ||
		     (result == -ERESTARTSYS && (action->sa_flags & SA_RESTART));
	if (again) {
		tf->rax = result == -ERESTART_RESTARTBLOCK ? __NR_restart_syscall : tf->orig_rax;
		tf->rip -= SYSCALL_SIZE;
	} else {
		tf->rax = (u64)-EINTR;
	}
	tf->orig_rax = (u64)-1;
}

int sigframe_set_altstack(const stack_t *new, stack_t *old, u64 user_rsp)
{
	if (old) {
		*old = current->altstack;
		old->ss_flags =
			altstack_flags(user_rsp) | (current->altstack.ss_flags & SS_AUTODISARM);
	}
	return new ? set_altstack(new, user_rsp) : 0;
}
