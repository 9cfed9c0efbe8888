/* OpenMP's run-time library, libgomp: a pool of threads, its own locks and barriers by futex. */
#include <omp.h>
#include <stdio.h>

enum { SIZE = 200000 };

static double values[SIZE];

static long fibonacci(int n)
{
	long a, b;

	if (n < 2)
		return n;
#pragma omp task shared(a) if (n > 12)
	a = fibonacci(n - 1);
#pragma omp task shared(b) if (n > 12)
	b = fibonacci(n - 2);
#pragma omp taskwait
	return a + b;
}

int main(void)
{
	long sum = 0, ordered = 0, result = 0;
	int members = 0, critical = 0, single = 0;
	double total = 0;

	omp_set_dynamic(0);
	omp_set_num_threads(4);
#pragma omp parallel reduction(+ : members)
	members++;
	printf("a team of %d\n", members);
#pragma omp parallel for schedule(dynamic, 64) reduction(+ : sum)
	for (int i = 0; i < SIZE; i++)
		sum += i % 7;
	printf("sum %ld\n", sum);
#pragma omp parallel for schedule(static)
	for (int i = 0; i < SIZE; i++)
		values[i] = i * 0.5;
#pragma omp parallel for reduction(+ : total)
	for (int i = 0; i < SIZE; i++)
		total += values[i];
	printf("total %.1f\n", total);
#pragma omp parallel
	{
		for (int i = 0; i < 300; i++) {
#pragma omp critical
			critical++;
#pragma omp barrier
#pragma omp single
			single++;
		}
	}
	printf("critical %d, single %d\n", critical, single);
#pragma omp parallel for ordered schedule(dynamic)
	for (int i = 0; i < 200; i++) {
#pragma omp ordered
		ordered = ordered * 3 % 1000003 + i;
	}
	printf("ordered %ld\n", ordered);
#pragma omp parallel
#pragma omp single
	result = fibonacci(20);
	printf("tasks %ld\n", result);
	omp_lock_t lock;
	long count = 0;
	omp_init_lock(&lock);
#pragma omp parallel for num_threads(8)
	for (int i = 0; i < 4000; i++) {
		omp_set_lock(&lock);
		count++;
		omp_unset_lock(&lock);
	}
	printf("lock %ld\n", count);
	return 0;
}
