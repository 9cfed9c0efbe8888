/*
 * A handler gets a frame below the user's stack pointer (128 bytes below, for the ABI's red zone)
 * or on the alternate stack. sigreturn trusts nothing in the frame: code and stack segments are the
 * user's whatever it says, only arithmetic flags come from it, an address that is not the user's is
 * refused on the way out (by iretq's own fault, see entry.asm), and the FPU area is cleaned before
 * the processor loads it (Intel SDM vol. 1, 13.8).
 */
#include "proc/sigframe.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
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
#define FXSAVE_MXCSR 24
#define FXSAVE_MXCSR_MASK 28
#define MXCSR_MASK_DEFAULT 0xffbf
#define USER_FLAGS                                                                                 \
	(RFLAGS_CF | 1ull << 2 | 1ull << 4 | 1ull << 6 | 1ull << 7 | RFLAGS_TF | RFLAGS_DF |       \
	 1ull << 11 | RFLAGS_RF | RFLAGS_AC)

struct rt_sigframe {
	u64 return_address;
	struct ucontext uc;
	struct siginfo info;
};

static bool on_altstack(u64 rsp)
{
	u64 base = (u64)current->altstack.ss_sp;

	return rsp > base && rsp - base <= current->altstack.ss_size;
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
		if (copy_to_user((void __user *)(to + size), &magic2, sizeof(magic2)))
			return -EFAULT;
	}
	return copy_to_user((void __user *)to, area, size);
}

/* Makes a user's image of the FPU harmless: everything the processor would refuse to load. */
static void clean_fpu(u8 *area, u32 mxcsr_mask)
{
	u32 mxcsr;

	memcpy(&mxcsr, area + FXSAVE_MXCSR, 4);
	mxcsr &= mxcsr_mask ? mxcsr_mask : MXCSR_MASK_DEFAULT;
	memcpy(area + FXSAVE_MXCSR, &mxcsr, 4);
	if (cpu_features.xsave) {
		u64 *header = (u64 *)(area + FXSAVE_SIZE);

		header[0] &= cpu_features.xsave_mask;
		memset(header + 1, 0, XSAVE_HEADER_SIZE - 8);
	}
}

/*
 * Loads the FPU from the frame (0: its initial state). The copy goes by way of a buffer,
 * because it may sleep, and then the switch saves the registers into the task's own area.
 */
static int pop_fpu(u64 from)
{
	u8 *area = current->fpu, *buffer = NULL;
	u32 size = cpu_features.xsave_size, mxcsr_mask;
	int error = 0;

	if (from) {
		buffer = kmalloc(size);
		error = !buffer ? -ENOMEM : copy_from_user(buffer, (void __user *)from, size);
	}
	irq_push(); /* no switch between filling the area and loading it */
	fpu_save(area);
	memcpy(&mxcsr_mask, area + FXSAVE_MXCSR_MASK, 4);
	if (from && !error) {
		memcpy(area, buffer, size);
		clean_fpu(area, mxcsr_mask);
	} else {
		fpu_reset(area);
	}
	fpu_restore(area);
	irq_pop();
	kfree(buffer);
	return error;
}

static void save_registers(struct sigcontext *sc, const struct trapframe *tf, u64 fpstate)
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
		.cs = USER_CS,
		.ss = USER_DS,
		.oldmask = current->blocked,
		.fpstate = (void *)fpstate,
	};
}

static void restore_registers(struct trapframe *tf, const struct sigcontext *sc)
{
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
		.cs = USER_CS,
		.ss = USER_DS,
		.rflags = (tf->rflags & ~USER_FLAGS) | (sc->eflags & USER_FLAGS) | RFLAGS_IF |
			  RFLAGS_FIXED,
		.orig_rax = (u64)-1,
	};
}

/* Where frame and FPU image go. */
static u64 choose_stack(const struct trapframe *tf, const struct sigaction *action, u64 *fpstate)
{
	u64 rsp = tf->rsp - RED_ZONE;

	if ((action->sa_flags & SA_ONSTACK) && altstack_flags(tf->rsp) == 0)
		rsp = (u64)current->altstack.ss_sp + current->altstack.ss_size;
	*fpstate = align_down(rsp - cpu_features.xsave_size - sizeof(u32), FPU_ALIGN);
	/* As after a call instruction: 8 bytes off a multiple of 16. */
	return align_down(*fpstate - sizeof(struct rt_sigframe), 16) - 8;
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
	uc.uc_stack.ss_flags = altstack_flags(tf->rsp);
	save_registers(&uc.uc_mcontext, tf, fpstate);
	uc.uc_sigmask = current->restore_blocked ? current->saved_blocked : current->blocked;
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
	u64 fpstate, frame = choose_stack(tf, action, &fpstate);
	u64 mask = current->blocked | action->sa_mask;

	if (write_frame(frame, fpstate, tf, info, action))
		return -EFAULT;
	current->restore_blocked = false;
	if (!(action->sa_flags & SA_NODEFER))
		mask |= SIGNAL_BIT(sig);
	signal_set_blocked(mask);
	tf->rsp = frame;
	tf->rip = (u64)action->sa_handler;
	tf->rdi = (u64)sig;
	tf->rsi = frame + offsetof(struct rt_sigframe, info);
	tf->rdx = frame + offsetof(struct rt_sigframe, uc);
	tf->rax = 0;
	tf->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
	tf->orig_rax = (u64)-1;
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
	restore_registers(tf, &uc.uc_mcontext);
	if (!on_altstack(tf->rsp))
		current->altstack = uc.uc_stack;
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
		old->ss_flags = altstack_flags(user_rsp);
	}
	if (!new)
		return 0;
	if (on_altstack(user_rsp) && current->altstack.ss_size)
		return -EPERM;
	if (new->ss_flags & ~(SS_DISABLE | SS_ONSTACK | (int)SS_AUTODISARM))
		return -EINVAL;
	if (new->ss_flags & SS_DISABLE) {
		current->altstack = (stack_t){ 0 };
		return 0;
	}
	if (new->ss_size < MINSIGSTKSZ)
		return -ENOMEM;
	current->altstack = *new;
	return 0;
}
