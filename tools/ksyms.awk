# Turns `nm -n kernel.elf` into the kernel's own symbol table (NASM), with which a panic names the
# functions of its backtrace. Only text symbols of the higher half are kept, in ascending order.
# Each costs eight bytes and its name: a 32-bit offset from the kernel's base and one into the
# names. With no input it prints the empty table of the first link.

BEGIN {
	count = 0
}

$1 ~ /^ffffffff[89a-f]/ && $2 ~ /^[tTwW]$/ {
	address[count] = "0x" substr($1, 9) " - 0x80000000"
	name[count++] = $3
}

END {
	print "section .ksyms progbits alloc noexec nowrite align=8"
	print "global ksyms_count, ksyms_addr, ksyms_name, ksyms_strings"
	printf "ksyms_count: dd %d\n", count
	print "ksyms_addr:"
	for (i = 0; i < count; i++)
		print "\tdd " address[i]
	print "ksyms_name:"
	for (i = offset = 0; i < count; i++) {
		printf "\tdd %d\n", offset
		offset += length(name[i]) + 1
	}
	print "ksyms_strings:"
	for (i = 0; i < count; i++)
		print "\tdb '" name[i] "', 0"
}
