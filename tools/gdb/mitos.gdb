# What `make gdb` gives to gdb: it is connected to a machine that has not executed anything yet.
# From here `continue` runs to the first fork, init's own; then step, or `advance share_page`.

set pagination off
set confirm off
set print pretty on

define pte
	set $pte = (unsigned long) ($arg0)
	printf "%#lx: frame %#lx", $pte, ($pte & 0x000ffffffffff000) >> 12
	if $pte & 1
		echo \ present
	end
	if $pte & 2
		echo \ W
	end
	if $pte & 4
		echo \ user
	end
	if $pte & 32
		echo \ accessed
	end
	if $pte & 64
		echo \ dirty
	end
	if $pte >> 63
		echo \ NX
	end
	echo \n
end
document pte
Says what the bits of a page-table entry mean: pte *parent_entry
end

define task
	set $task = ((struct cpu *) $gs_base)->task
	printf "%d %s\n", $task->pid, $task->comm
end
document task
The pid and name of the process that the kernel works for; only while it is in the kernel.
end

break sys_fork
