/* What uname(2) and /proc/version say. The release is that of the Linux whose ABI is followed. */
#ifndef MITOS_X86_VERSION_H
#define MITOS_X86_VERSION_H

#define MITOS_RELEASE "6.1.0-mitos"
#define MITOS_VERSION "#1 mitos"

#endif
