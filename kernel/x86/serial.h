/* COM1: the console's wire, 115,200 baud. Output polls; each received byte is handed to the
 * receiver. */
#ifndef MITOS_X86_SERIAL_H
#define MITOS_X86_SERIAL_H

#include "lib/types.h"

void serial_init(void);
void serial_write(const char *buf, size_t size); /* any context */
/* for a panic: nobody who may hold the transmitter's lock runs any more */
void serial_break_lock(void);
/* without the lock: for who alone goes on */
void serial_write_panic(const char *buf, size_t size);
/* Bytes received call fn in interrupt context. */
void serial_set_receiver(void (*fn)(u8 byte));
/* leaves received bytes in the device, so that the sender waits; any context */
void serial_pause(bool on);
void serial_interrupt(void); /* from the interrupt door */

#define SERIAL_IRQ 4

#endif
