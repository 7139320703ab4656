/* Preloaded into a program, fails its N-th write, sync or rename below a folder.
 *
 * FAIL_FOLDER  the folder, as a prefix of resolved paths
 * FAIL_AT      which call fails, from 1
 * FAIL_ERRNO   with which error; a failed write writes nothing
 * FAIL_COUNT   a file to which the number of calls so far is written
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int calls;

static int below(const char *path) {
    const char *folder = getenv("FAIL_FOLDER");
    return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails_here(void) {
    const char *at = getenv("FAIL_AT"), *number = getenv("FAIL_ERRNO");
    int failed = at != NULL && __sync_add_and_fetch(&calls, 1) == atoi(at);
    if (failed) errno = atoi(number);
    return failed;
}

static int fails(int descriptor) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path) && fails_here();
}

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

ssize_t write(int descriptor, const void *data, size_t size) {
    return fails(descriptor) ? -1 : REAL(write)(descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    return fails(descriptor) ? -1 : REAL(pwrite)(descriptor, data, size, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int n) {
    return fails(descriptor) ? -1 : REAL(writev)(descriptor, parts, n);
}

size_t fwrite(const void *data, size_t size, size_t n, FILE *file) {
    return fails(fileno(file)) ? 0 : REAL(fwrite)(data, size, n, file);
}

int fsync(int descriptor) {
    return fails(descriptor) ? -1 : REAL(fsync)(descriptor);
}

int rename(const char *from, const char *to) {
    return below(to) && fails_here() ? -1 : REAL(rename)(from, to);
}
