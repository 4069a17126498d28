/* Stands between an engine and the C library, by LD_PRELOAD: lies about a sync, fails one, shifts the clock on the wall.
   What it is to do stands in a page that the harness maps too: struct page. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { HONEST, LIES, FAILS_NEXT };

struct page {
  volatile int64_t mode;
  volatile int64_t failed_pid; /* of the process that was told of the error */
  volatile int64_t after;      /* syncs of the store by that process since: it may not try again */
  volatile int64_t ahead_ns;   /* by how much the clock on the wall is ahead */
};

static struct page *page;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTS_SHIM");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) page = at;
  close(fd);
}

static int is_store(int fd) {
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 0) return 0;
  name[length] = 0;
  return strstr(name, "/store.db") != NULL;
}

static int sync_by(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (!page) return real(fd);
  if (page->mode == LIES) return 0;
  if (!is_store(fd)) return real(fd);
  if (page->failed_pid == getpid()) page->after++;
  if (page->mode == FAILS_NEXT) {
    page->mode = HONEST;
    page->failed_pid = getpid();
    errno = EIO;
    return -1;
  }
  return real(fd);
}

int fsync(int fd) { return sync_by("fsync", fd); }

int fdatasync(int fd) { return sync_by("fdatasync", fd); }

int clock_gettime(clockid_t clock, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(clock, at);
  if (!failed && page && clock == CLOCK_REALTIME) {
    int64_t ns = (int64_t)at->tv_sec * 1000000000 + at->tv_nsec + page->ahead_ns;
    at->tv_sec = ns / 1000000000;
    at->tv_nsec = ns % 1000000000;
  }
  return failed;
}
