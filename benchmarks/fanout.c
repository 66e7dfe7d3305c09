/* The two ends of benchmarks/fanout.py, in C so that neither is what is measured.
 *
 *   fanout serve PORT            a bare epoll broadcaster: each line that anybody sends goes to everybody by one send
 *   fanout read PORT N           N readers in one process, driven by standard input
 *   fanout stuck PORT N          N readers with small buffers that never read
 *
 * A reader first sends what the file HELLO (in the environment) holds. A message is whatever has one '~' in it; other
 * bytes are counted for nothing. Commands of `read`, one a line:
 *
 *   expect K    each reader waits for K messages from now on; answered by "armed"
 *
 * and when all have them, by "done FIRST P50 P99 LAST": the clock (CLOCK_MONOTONIC, seconds) when the first reader, half
 * of them, 99 of 100 and the last one had all K.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 1024
#define MOST 65536
#define CHUNK (256 * 1024)

static char chunk[CHUNK];
static int left[MOST];
static double arrived[MOST];

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void watch(int poll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void serve(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, poll = epoll_create1(0), count = 0;
    static int everybody[MOST];
    static char line[CHUNK];
    size_t held = 0;
    struct epoll_event events[EVENTS];
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listening, (struct sockaddr *)&at, sizeof at) || listen(listening, 4096)) die("listen");
    watch(poll, listening);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listening) {
                while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0 && count < MOST) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    everybody[count++] = fd;
                    watch(poll, fd);
                }
                continue;
            }
            ssize_t got = recv(fd, line + held, sizeof line - held, 0);
            if (got <= 0) {
                if (got < 0 && errno == EAGAIN) continue;
                for (int each = 0; each < count; each++)
                    if (everybody[each] == fd) everybody[each--] = everybody[--count];
                close(fd);
                continue;
            }
            char *start = line, *end = line + held + got, *stop;
            while ((stop = memchr(start, '\n', end - start))) {
                for (int each = 0; each < count; each++)
                    if (send(everybody[each], start, stop + 1 - start, MSG_NOSIGNAL) < 0 && errno != EAGAIN) continue;
                start = stop + 1;
            }
            held = end - start;
            memmove(line, start, held);
        }
    }
}

static int joined(int port, const char *hello, size_t size, int small) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), buffer = 4096;
    if (fd < 0) die("socket");
    if (small) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (connect(fd, (struct sockaddr *)&at, sizeof at)) die("connect");
    if (size && send(fd, hello, size, MSG_NOSIGNAL) != (ssize_t)size) die("hello");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static int readers(int port, int count, int stuck) {
    static char hello[65536];
    size_t size = 0;
    const char *name = getenv("HELLO");
    FILE *file = name ? fopen(name, "rb") : NULL;
    if (file) { size = fread(hello, 1, sizeof hello, file); fclose(file); }
    int poll = epoll_create1(0), missing = 0, expected = 0;
    struct epoll_event events[EVENTS];
    for (int i = 0; i < count; i++) {
        int fd = joined(port, hello, size, stuck);
        if (fd >= MOST) die("too many");
        left[fd] = -1;
        if (!stuck) watch(poll, fd);
        if (i % 64 == 63) usleep(1000);
    }
    printf("connected\n");
    fflush(stdout);
    if (stuck) for (;;) pause();
    watch(poll, 0);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) {
                char command[64];
                ssize_t got = read(0, command, sizeof command - 1);
                if (got <= 0) return 0;
                command[got] = 0;
                if (sscanf(command, "expect %d", &expected) != 1) return 1;
                for (int each = 0; each < MOST; each++) if (left[each]) left[each] = expected;
                missing = count;
                printf("armed\n");
                fflush(stdout);
                continue;
            }
            ssize_t got = recv(fd, chunk, CHUNK, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN)) { printf("lost\n"); fflush(stdout); return 1; }
            int found = 0;
            for (char *at = chunk, *end = chunk + (got > 0 ? got : 0); (at = memchr(at, '~', end - at)); at++) found++;
            if (!found || expected == 0 || left[fd] <= 0) continue;
            left[fd] -= found;
            if (left[fd] <= 0) {
                left[fd] = -1; /* the next "expect" arms it again */
                arrived[--missing] = now();
                if (missing == 0) {
                    qsort(arrived, count, sizeof *arrived, by_value);
                    printf("done %.6f %.6f %.6f %.6f\n", arrived[0], arrived[count / 2],
                           arrived[(int)(count * 0.99) < count ? (int)(count * 0.99) : count - 1], arrived[count - 1]);
                    fflush(stdout);
                }
            }
        }
    }
}

int main(int argc, char **argv) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc == 3 && !strcmp(argv[1], "serve")) serve(atoi(argv[2]));
    if (argc == 4 && !strcmp(argv[1], "read")) return readers(atoi(argv[2]), atoi(argv[3]), 0);
    if (argc == 4 && !strcmp(argv[1], "stuck")) return readers(atoi(argv[2]), atoi(argv[3]), 1);
    fprintf(stderr, "fanout serve PORT | read PORT N | stuck PORT N\n");
    return 2;
}
