"""Static programs of Debian's own gcc and g++ run on mitos: glibc's start-up, C++'s exceptions.

Each is built here and must print the same, and end with the same status, on Linux and on mitos. Two
boots serve all of them: one with the newest processor, whose vector registers glibc's string
functions choose, and one with the oldest.
"""

import re
import shutil
import subprocess

import pytest

from support import mitos

C = {
    "hello": r"""
        #include <stdio.h>
        int main(int argc, char **argv) { printf("hello, %d arguments\n", argc); return 3; }
    """,
    "stdio": r"""
        #include <stdio.h>
        #include <stdlib.h>
        int main(void)
        {
            FILE *file = tmpfile();
            char line[80];
            setvbuf(stdout, NULL, _IOFBF, 1 << 16);
            for (int i = 0; i < 20000; i++)
                fprintf(file, "%d %.3f\n", i, i / 3.0);
            rewind(file);
            for (int i = 0; fgets(line, sizeof(line), file); i++)
                if (i % 4999 == 0)
                    printf("%s", line);
            fclose(file);
            atexit((void (*)(void))abort);
            fflush(NULL);
            _Exit(0);
        }
    """,
    "memory": r"""
        #include <malloc.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        int main(void)
        {
            char *blocks[1000];
            unsigned long sum = 0;
            for (int i = 0; i < 1000; i++)
                memset(blocks[i] = malloc(i * 97 + 1), i, i * 97 + 1);
            for (int i = 0; i < 1000; i += 2)
                blocks[i] = realloc(blocks[i], i * 211 + 1);
            for (int i = 0; i < 1000; i++)
                sum += (unsigned char)blocks[i][i * 97], free(blocks[i]);
            char *large = malloc(64 << 20);
            strcpy(large + (40 << 20), "in the middle");
            large = realloc(large, 100 << 20);
            printf("%lu %s %d\n", sum, large + (40 << 20), malloc_trim(0) >= 0);
            return 0;
        }
    """,
    "processes": r"""
        #include <errno.h>
        #include <setjmp.h>
        #include <signal.h>
        #include <spawn.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>
        extern char **environ;
        static __thread int mine = 1;
        static sigjmp_buf back;
        static void caught(int signum) { siglongjmp(back, signum); }
        int main(void)
        {
            int status, ends[2];
            char word[6] = "";
            mine = 2;
            if (fork() == 0)
                _exit(mine += 3);
            wait(&status);
            printf("%d %d\n", WEXITSTATUS(status), mine);
            pid_t pid;
            char *argv[] = { "sh", "-c", "exit 9", NULL };
            printf("%d\n", posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ));
            waitpid(pid, &status, 0);
            printf("%d %d\n", WEXITSTATUS(status), WEXITSTATUS(system("exit 4")));
            FILE *child = popen("echo popen", "r");
            printf("%d", fscanf(child, "%5s", word));
            printf(" %s %d\n", word, pclose(child));
            signal(SIGSEGV, caught);
            if (!sigsetjmp(back, 1))
                *(volatile int *)NULL = 0;
            printf("survived\n");
            printf("%d %d\n", pipe(ends), close(99) < 0 ? errno : 0);
            fflush(stdout);
            abort();
        }
    """,
    "strings": r"""
        #include <locale.h>
        #include <math.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <time.h>
        static int order(const void *a, const void *b) { return strcmp(a, b); }
        int main(void)
        {
            static char text[70000], names[][8] = { "wait", "fork", "exit", "exec" };
            struct tm tm;
            time_t zero = 0;
            memset(text, 'x', sizeof(text) - 1);
            text[65000] = 'y';
            for (int i = 0; i < 64; i++)
                if (strlen(text + i) != 69999u - i || strchr(text + i, 'y') != text + 65000)
                    return 1;
            qsort(names, 4, 8, order);
            printf("%s %s %.10f %s\n", names[0], setlocale(LC_ALL, "C"), sin(1) + exp(2),
                   asctime(gmtime_r(&zero, &tm)));
            return 0;
        }
    """,
}

CXX = {
    "streams": r"""
        #include <algorithm>
        #include <fstream>
        #include <iomanip>
        #include <iostream>
        #include <map>
        #include <sstream>
        #include <string>
        #include <vector>
        int main()
        {
            std::map<std::string, int> count;
            std::vector<double> values;
            std::istringstream input("wait fork wait exit fork wait");
            for (std::string word; input >> word;)
                count[word]++;
            for (auto &[word, n] : count)
                std::cout << std::setw(6) << word << ' ' << n << std::endl;
            std::ofstream("numbers") << 3 << '\n' << 1.5 << '\n' << 2.25 << '\n';
            std::ifstream numbers("numbers");
            for (double value; numbers >> value;)
                values.push_back(value);
            std::sort(values.begin(), values.end());
            for (double value : values)
                std::cout << std::fixed << std::setprecision(3) << value << '\n';
            std::cerr << std::ifstream("/nonexistent").good() << std::endl;
            return 6;
        }
    """,
    "exceptions": r"""
        #include <iostream>
        #include <memory>
        #include <new>
        #include <stdexcept>
        #include <vector>
        struct Loud {
            const char *name;
            ~Loud() { std::cout << "~" << name << std::endl; }
        };
        struct Base { virtual ~Base() {} };
        struct Derived : Base {};
        static int deep(int level)
        {
            Loud loud{level % 2 ? "odd" : "even"};
            if (!level)
                throw std::runtime_error("from the deep");
            return deep(level - 1) + 1;
        }
        int main()
        {
            try { deep(3); } catch (const std::exception &e) { std::cout << e.what() << std::endl; }
            try { std::vector<int>().at(5); } catch (std::out_of_range &) { std::cout << "range "; }
            try { operator new(1ul << 60); } catch (std::bad_alloc &) { std::cout << "alloc "; }
            try {
                try { throw 1; } catch (int) { throw; }
            } catch (int i) {
                std::cout << i << std::endl;
            }
            std::unique_ptr<Base> base(new Derived);
            std::cout << (dynamic_cast<Derived *>(base.get()) != nullptr) << std::endl;
            throw std::logic_error("not caught");
        }
    """,
}
DRIVER = r"""
mkdir /tmp/run; cd /tmp/run
for program; do
	echo "@begin ${program##*/}"
	$program </dev/null >output 2>&1
	status=$?
	cat output
	printf '\n@end %d\n' $status
done
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """An overlay with all that this machine can build, in /glibc."""
    overlay = tmp_path_factory.mktemp("overlay")
    (overlay / "glibc").mkdir()
    for compiler, language, sources in (("gcc", "c", C), ("g++", "c++", CXX)):
        for name, source in sources.items() if shutil.which(compiler) else ():
            subprocess.run([compiler, "-static", "-O2", "-w", "-x", language, "-o",
                            overlay / "glibc" / name, "-", "-lm"], input=source, text=True,
                           check=True)
    return overlay


@pytest.fixture(scope="module", params=["max", "qemu64"])
def results(request, programs):
    """name -> what the program prints on mitos, and its status."""
    names = [f"/glibc/{path.name}" for path in sorted((programs / "glibc").iterdir())]
    run = mitos("/bin/busybox", "ash", "-c", DRIVER, "sh", *names,
                options=["--overlay", programs, "--cpu", request.param, "--mem", "256M"])
    found = re.findall(r"^@begin (\S+)\n(.*?)\n@end (\d+)$", run.output.decode(), re.M | re.S)
    return {name: (text, int(status)) for name, text, status in found}


@pytest.mark.parametrize("name", [*C, *CXX])
def test_runs_as_on_linux(name, programs, results, tmp_path):
    program = programs / "glibc" / name
    if not program.exists():
        pytest.skip("there is no compiler for it here")
    linux = subprocess.run(["sh", "-c", 'ulimit -c 0; "$@"', "sh", program], cwd=tmp_path,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=20)
    status = linux.returncode if linux.returncode >= 0 else 128 - linux.returncode
    assert results.get(name) == (linux.stdout, status)
