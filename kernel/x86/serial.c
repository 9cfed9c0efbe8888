/*
 * The 16550 at COM1 (National Semiconductor's data sheet). Its FIFO takes 16 bytes at a time, so
 * the line status is read once per 16 bytes. The lock keeps two writers' bytes apart; the receiver
 * runs without it.
 */
#include "x86/serial.h"
#include "x86/asm.h"
#include "x86/spinlock.h"

#define COM1 0x3f8
enum {
	DATA = 0,
	INTERRUPT_ENABLE = 1,
	FIFO_CONTROL = 2,
	LINE_CONTROL = 3,
	MODEM_CONTROL = 4,
	LINE_STATUS = 5
};
#define STATUS_DATA_READY 0x01
#define STATUS_FIFO_EMPTY 0x20
#define FIFO_BYTES 16

static struct spinlock serial_lock = SPINLOCK_INIT("serial"); /* guards the transmitter */
static void (*receiver)(u8 byte);
static bool paused; /* atomic */

void serial_init(void)
{
	outb(COM1 + INTERRUPT_ENABLE, 0);
	outb(COM1 + LINE_CONTROL, 0x80); /* divisor latch */
	outb(COM1 + DATA, 1);		 /* 115,200 baud */
	outb(COM1 + INTERRUPT_ENABLE, 0);
	outb(COM1 + LINE_CONTROL, 0x03);  /* 8 bits, no parity, 1 stop bit */
	outb(COM1 + FIFO_CONTROL, 0x07);  /* FIFOs on and empty, interrupt at the first byte */
	outb(COM1 + MODEM_CONTROL, 0x0b); /* DTR, RTS, interrupt line on */
}

void serial_write_panic(const char *buf, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (i % FIFO_BYTES == 0)
			while (!(inb(COM1 + LINE_STATUS) & STATUS_FIFO_EMPTY))
				cpu_relax();
		outb(COM1 + DATA, (u8)buf[i]);
	}
}

void serial_write(const char *buf, size_t size)
{
	spin_lock(&serial_lock);
	serial_write_panic(buf, size);
	spin_unlock(&serial_lock);
}

void serial_break_lock(void)
{
	spin_init(&serial_lock, "serial");
}

void serial_set_receiver(void (*fn)(u8 byte))
{
	receiver = fn;
	outb(COM1 + INTERRUPT_ENABLE, 1); /* received data */
}

void serial_pause(bool on)
{
	__atomic_store_n(&paused, on, __ATOMIC_RELAXED);
	outb(COM1 + INTERRUPT_ENABLE, !on); /* enabling it interrupts at once if bytes are there */
}

void serial_interrupt(void)
{
	while (!__atomic_load_n(&paused, __ATOMIC_RELAXED) &&
	       (inb(COM1 + LINE_STATUS) & STATUS_DATA_READY)) {
		u8 byte = inb(COM1 + DATA);

		if (receiver)
			receiver(byte);
	}
}
