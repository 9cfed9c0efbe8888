/* Waiting for children: one function behind wait4(2) and waitid(2). */
#ifndef MITOS_PROC_WAIT_H
#define MITOS_PROC_WAIT_H

#include "proc/exit.h"

enum wait_whom { WAIT_ANY, WAIT_PID, WAIT_GROUP };

struct wait_request {
	enum wait_whom whom;
	pid_t nr; /* of the process or the group */
	/* WNOHANG WEXITED WSTOPPED WCONTINUED WNOWAIT __WALL __WCLONE __WNOTHREAD */
	unsigned options;
};

/* What happened to which child. */
struct wait_outcome {
	pid_t pid; /* 0: nothing yet (WNOHANG) */
	uid_t uid;
	int code;	 /* CLD_EXITED and so on */
	int status;	 /* exit status or signal number */
	int wait_status; /* the same as wait4's word */
	struct rusage_sum usage;
};

/* 0 with the outcome; -ECHILD; -ERESTARTSYS when a signal came first. */
int task_wait(const struct wait_request *request, struct wait_outcome *outcome);

#endif
