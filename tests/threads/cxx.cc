/*
 * C++'s threads: thread_local objects and their destructors, exceptions in many threads at once
 * (each walks the program's headers with dl_iterate_phdr), futures, and what C++20 brought.
 */
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <future>
#include <iostream>
#include <latch>
#include <mutex>
#include <numeric>
#include <queue>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace
{

constexpr int THREADS = 8;
std::atomic<int> born, dead;

struct Counted {
	int value = ++born;
	~Counted()
	{
		++dead;
	}
};

thread_local Counted mine;
thread_local std::string text = "a text that is too long to lie in the object itself";

void thread_locals()
{
	std::vector<std::thread> threads;
	std::atomic<int> right{ 0 };

	for (int i = 0; i < THREADS; i++)
		threads.emplace_back([&right, i] {
			text += std::to_string(i);
			right += mine.value > 0 && text.back() == '0' + i;
		});
	for (auto &thread : threads)
		thread.join();
	std::cout << "thread_local: " << right << " right, " << born << " born, " << dead << " dead"
		  << std::endl;
}

int deep(int level, int number)
{
	Counted loud;
	if (level == 0)
		throw std::runtime_error("from thread " + std::to_string(number));
	return deep(level - 1, number) + 1;
}

void exceptions()
{
	std::vector<std::thread> threads;
	std::atomic<int> caught{ 0 };

	for (int i = 0; i < THREADS; i++)
		threads.emplace_back([&caught, i] {
			for (int round = 0; round < 200; round++) {
				try {
					deep(10, i);
				} catch (const std::exception &e) {
					caught += e.what() == "from thread " + std::to_string(i);
				}
			}
		});
	for (auto &thread : threads)
		thread.join();
	std::cout << "exceptions: " << caught
		  << " caught, all objects destroyed: " << (born == dead) << std::endl;
	std::exception_ptr carried;
	std::thread([&carried] {
		try {
			deep(3, 77);
		} catch (...) {
			carried = std::current_exception();
		}
	}).join();
	try {
		std::rethrow_exception(carried);
	} catch (const std::runtime_error &e) {
		std::cout << "carried over: " << e.what() << std::endl;
	}
}

void futures()
{
	std::vector<std::future<long>> sums;
	for (long i = 0; i < THREADS; i++)
		sums.push_back(std::async(std::launch::async, [i] {
			std::vector<long> numbers(10000);
			std::iota(numbers.begin(), numbers.end(), i);
			return std::accumulate(numbers.begin(), numbers.end(), 0L);
		}));
	for (auto &sum : sums)
		std::cout << sum.get() << ' ';
	auto failing = std::async(std::launch::async, []() -> int { throw 42; });
	try {
		failing.get();
	} catch (int i) {
		std::cout << "thrown: " << i << std::endl;
	}
	std::promise<std::string> promise;
	auto future = promise.get_future();
	std::cout << "not yet: "
		  << (future.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout)
		  << std::endl;
	std::thread([&promise] { promise.set_value("kept"); }).join();
	std::cout << "promise: " << future.get() << std::endl;
	std::promise<int> broken;
	auto never = broken.get_future();
	{
		std::promise<int> gone = std::move(broken);
	}
	try {
		never.get();
	} catch (const std::future_error &e) {
		std::cout << (e.code() == std::future_errc::broken_promise) << std::endl;
	}
}

void locks()
{
	std::shared_mutex shared;
	std::timed_mutex timed;
	std::recursive_mutex recursive;
	std::vector<std::thread> threads;
	long first = 0, second = 0;
	std::atomic<int> torn{ 0 };

	for (int i = 0; i < THREADS; i++)
		threads.emplace_back([&, i] {
			for (int round = 0; round < 500; round++) {
				if (i % 2) {
					std::shared_lock lock(shared);
					torn += first != second;
				} else {
					std::unique_lock lock(shared);
					first++;
					std::this_thread::yield();
					second++;
				}
			}
		});
	for (auto &thread : threads)
		thread.join();
	std::cout << "shared_mutex: " << first << ", torn " << torn << std::endl;
	std::lock_guard held(timed);
	std::thread([&timed] {
		std::cout << "timed_mutex: " << timed.try_lock_for(std::chrono::milliseconds(20))
			  << std::endl;
	}).join();
	std::scoped_lock both(recursive, shared);
	std::cout << "recursive: " << recursive.try_lock() << std::endl;
	recursive.unlock();
	std::once_flag once;
	int tries = 0;
	for (int i = 0; i < 3; i++) {
		try {
			std::call_once(once, [&tries] {
				if (++tries < 2)
					throw 1;
			});
		} catch (int) {
			std::cout << "once failed" << std::endl;
		}
	}
	std::cout << "once: " << tries << std::endl;
}

void queues()
{
	std::mutex mutex;
	std::condition_variable_any changed;
	std::queue<int> queue;
	std::atomic<long> sum{ 0 };
	{
		std::vector<std::jthread> workers;
		for (int i = 0; i < THREADS; i++)
			workers.emplace_back([&](std::stop_token stop) {
				for (;;) {
					std::unique_lock lock(mutex);
					if (!changed.wait(lock, stop,
							  [&] { return !queue.empty(); }))
						return;
					sum += queue.front();
					queue.pop();
				}
			});
		for (int i = 1; i <= 5000; i++) {
			std::lock_guard lock(mutex);
			queue.push(i);
			changed.notify_one();
		}
		for (bool empty = false; !empty;) {
			std::lock_guard lock(mutex);
			empty = queue.empty();
		}
	}
	std::cout << "queue: " << sum << std::endl;
}

void newer()
{
	std::latch latch(THREADS);
	std::counting_semaphore<THREADS> semaphore(0);
	std::atomic<int> phase{ 0 }, word{ 0 };
	std::barrier barrier(THREADS, [&phase]() noexcept { phase++; });
	std::atomic<int> early{ 0 };
	{
		std::vector<std::jthread> threads;
		for (int i = 0; i < THREADS; i++)
			threads.emplace_back([&] {
				latch.arrive_and_wait();
				for (int round = 1; round <= 100; round++) {
					barrier.arrive_and_wait();
					early += phase < round;
				}
				semaphore.release();
				word.wait(0);
			});
		for (int i = 0; i < THREADS; i++)
			semaphore.acquire();
		word = 1;
		word.notify_all();
	}
	std::cout << "barrier: " << phase << " phases, early " << early << std::endl;
}

} // namespace

int main()
{
	thread_locals();
	exceptions();
	futures();
	locks();
	queues();
	newer();
	std::thread detached([] { throw std::logic_error("nobody catches it"); });
	detached.join();
	return 0;
}
